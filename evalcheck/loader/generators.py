"""Every random generator that a loader holds: its own, its samplers', its dataset's and transforms'."""

from __future__ import annotations

import functools
import random
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy
import torch

Generator = torch.Generator | numpy.random.RandomState | numpy.random.Generator | random.Random

KINDS = (torch.Generator, numpy.random.RandomState, numpy.random.Generator, random.Random)
LEAVES = (str, bytes, int, float, complex, type, types.ModuleType, torch.Tensor, numpy.ndarray, type(None))

# Enough for any pipeline, and an end in a dataset that keeps its samples as objects.
OBJECTS = 20_000
ITEMS = 100


def held(*roots: object) -> list[Generator]:
    """The generators that can be reached from some objects through attributes, containers and closures."""
    found: list[Generator] = []
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting and len(seen) < OBJECTS:
        item = waiting.pop()
        if isinstance(item, LEAVES) or id(item) in seen:
            continue
        seen[id(item)] = item
        if isinstance(item, KINDS):
            found.append(item)
        else:
            waiting += _parts(item)
    return found


@contextmanager
def restored(generators: Iterable[Generator]) -> Iterator[None]:
    """Whatever is drawn inside, these generators are afterwards as they were."""
    put_back = rewinders(generators)
    try:
        yield
    finally:
        for step in put_back:
            step()


def rewinders(generators: Iterable[Generator]) -> list[Callable[[], object]]:
    """Note the states; each call puts one generator back."""
    steps: list[Callable[[], object]] = []
    for generator in generators:
        # SystemRandom has no state to note, and nothing to put back.
        with suppress(NotImplementedError):
            steps.append(_rewinder(generator))
    return steps


def _rewinder(generator: Generator) -> Callable[[], object]:
    if isinstance(generator, torch.Generator):
        return partial(generator.set_state, generator.get_state())
    if isinstance(generator, numpy.random.RandomState):
        return partial(generator.set_state, generator.get_state())
    if isinstance(generator, numpy.random.Generator):
        return partial(setattr, generator.bit_generator, "state", generator.bit_generator.state)
    return partial(generator.setstate, generator.getstate())


def _parts(item: Any) -> list[object]:
    if isinstance(item, Mapping):
        return [value for _, value in zip(range(ITEMS), item.values(), strict=False)]
    if isinstance(item, (list, tuple, set, frozenset)):
        return [value for _, value in zip(range(ITEMS), item, strict=False)]
    if isinstance(item, functools.partial):
        return [item.func, *item.args, *item.keywords.values()]
    if isinstance(item, types.MethodType):
        return [item.__self__]
    if isinstance(item, types.FunctionType):
        cells = [cell.cell_contents for cell in item.__closure__ or () if _filled(cell)]
        names = (item.__globals__.get(name) for name in item.__code__.co_names)
        return [*cells, *(value for value in names if isinstance(value, KINDS))]
    # The running workers of a persistent loader are none of our business.
    attributes = [value for name, value in getattr(item, "__dict__", {}).items() if name != "_iterator"]
    return [*attributes, *_of_class(type(item))]


def _of_class(kind: type) -> list[object]:
    """Generators that stand on a class, and its methods, which may use one of their module's."""
    return [
        value
        for base in kind.__mro__
        for value in vars(base).values()
        if isinstance(value, (*KINDS, types.FunctionType))
    ]


def _filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
