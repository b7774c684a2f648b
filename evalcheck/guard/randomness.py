"""The state of random generators: the global ones of torch, numpy and python, and a model's own."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from evalcheck.guard.undo import Undo, take


def capture() -> list[Undo]:
    """Note the generators' states; calling what is returned puts them back.

    Generators that do not exist yet are left alone: CUDA that was never used, numpy that was
    never imported.
    """
    undo: list[Undo] = [
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


def note(generator: Any) -> list[Undo]:
    """The same for one generator that a model keeps; none for one that has no state, like the system's."""
    if isinstance(generator, torch.Generator):
        return [partial(generator.set_state, generator.get_state())]
    if isinstance(generator, random.SystemRandom):
        return []
    if isinstance(generator, random.Random):
        return [partial(random.Random.setstate, generator, random.Random.getstate(generator))]
    if hasattr(generator, "get_state"):
        return [partial(generator.set_state, generator.get_state(legacy=False))]
    bits = getattr(generator, "bit_generator", generator)
    return [partial(setattr, bits, "state", bits.state)]


def seed(number: int) -> None:
    """Start the global generators of torch, python and, where it is in use, numpy from one number."""
    torch.manual_seed(number)
    random.seed(number)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(number % 2**32)


@contextmanager
def restored_randomness() -> Iterator[None]:
    """Whatever is drawn inside, the generators are afterwards as they were."""
    undo = capture()
    try:
        yield
    finally:
        take(undo)
