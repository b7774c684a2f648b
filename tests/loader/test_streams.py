"""Stages that mix a stream, known by their names and switches."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

from evalcheck.loader.streams import shuffled


def _shuffle(data: Any, size: int) -> Any:
    return data


class Filter:
    """A stage as webdataset builds it: a function and its arguments."""

    def __init__(self, f: Any, *args: Any) -> None:
        self.f, self.args = f, args

    def __call__(self, data: Any) -> Any:
        return self.f(data, *self.args)


class BufferShuffledExamplesIterable:
    def __init__(self, buffer_size: int) -> None:
        self.buffer_size = buffer_size


def pipeline(*stages: Any) -> Any:
    return SimpleNamespace(pipeline=list(stages))


def test_a_stage_that_shuffles_is_found() -> None:
    """By the function's name, by the class's name, behind partials and wrappers."""
    assert shuffled(pipeline(Filter(len), Filter(_shuffle, 100)))
    assert shuffled(pipeline(functools.partial(_shuffle, size=10)))
    assert shuffled(SimpleNamespace(_ex_iterable=BufferShuffledExamplesIterable(100)))
    assert shuffled(SimpleNamespace(dataset=SimpleNamespace(shuffle=True)))


def test_a_stage_that_is_switched_off_does_not_count() -> None:
    """A buffer of one sample, or none at all."""
    assert not shuffled(pipeline(Filter(_shuffle, False), Filter(_shuffle, 1)))
    assert not shuffled(SimpleNamespace(shuffle=False, shuffle_buffer=0, shuffle_seed=None))
    assert not shuffled(SimpleNamespace(_ex_iterable=BufferShuffledExamplesIterable(1)))


def test_a_loop_of_stages_ends() -> None:
    """A stream that holds itself is seen once."""
    stream = SimpleNamespace()
    stream.source = stream
    assert not shuffled(stream)
