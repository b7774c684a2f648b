"""The state of every global random generator: torch on all devices, numpy, python."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch


def capture() -> list[Callable[[], object]]:
    """Note the generators' states; calling what is returned puts them back.

    Generators that do not exist yet are left alone: CUDA that was never used, numpy that was
    never imported.
    """
    undo: list[Callable[[], object]] = [
        partial(torch.set_rng_state, torch.get_rng_state()),
        partial(random.setstate, random.getstate()),
    ]
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        undo.append(partial(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all()))
    if torch.backends.mps.is_available():
        undo.append(partial(torch.mps.set_rng_state, torch.mps.get_rng_state()))
    if "numpy" in sys.modules:
        numpy = sys.modules["numpy"]
        undo.append(partial(numpy.random.set_state, numpy.random.get_state()))
    return undo


@contextmanager
def restored_randomness() -> Iterator[None]:
    """Whatever is drawn inside, the generators are afterwards as they were."""
    undo = capture()
    try:
        yield
    finally:
        for put_back in undo:
            put_back()
