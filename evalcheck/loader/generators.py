"""Every random generator that a loader holds: its own, its samplers', its dataset's and transforms'."""

from __future__ import annotations

import functools
import pickle
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
    return [item for _, item in reached(*(("", root) for root in roots)) if isinstance(item, KINDS)]


def reached(*roots: tuple[str, object]) -> Iterator[tuple[str, object]]:
    """Everything that can be reached, each object once, with the path from its named root."""
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting and len(seen) < OBJECTS:
        path, item = waiting.pop()
        if isinstance(item, LEAVES) or id(item) in seen:
            continue
        seen[id(item)] = item
        yield path, item
        if not isinstance(item, KINDS):
            waiting += [(f"{path}{name}", value) for name, value in _parts(item)]


def state(generator: Generator) -> object:
    """What the generator will draw next, as something that can be compared."""
    if isinstance(generator, torch.Generator):
        return generator.get_state().numpy().tobytes()
    if isinstance(generator, numpy.random.RandomState):
        return pickle.dumps(generator.get_state(legacy=False))
    if isinstance(generator, numpy.random.Generator):
        return repr(generator.bit_generator.state)
    return None if isinstance(generator, random.SystemRandom) else generator.getstate()


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


def _parts(item: Any) -> list[tuple[str, object]]:
    """What an object holds, each with what is to be written behind the object's path."""
    if isinstance(item, Mapping):
        pairs = zip(item.items(), range(ITEMS), strict=False)
        return [*((f"[{key!r}]", value) for (key, value), _ in pairs), *_attributes(item)]
    if isinstance(item, (list, tuple, set, frozenset)):
        values = zip(range(ITEMS), item, strict=False)
        return [*((f"[{index}]", value) for index, value in values), *_attributes(item)]
    if isinstance(item, functools.partial):
        return [(f".{item.func!r}", item.func), *_parts(item.args), *_parts(item.keywords)]
    if isinstance(item, types.MethodType):
        return [("", item.__self__)]
    if isinstance(item, types.FunctionType):
        cells = zip(item.__code__.co_freevars, item.__closure__ or (), strict=False)
        inside = [(f".{name}", cell.cell_contents) for name, cell in cells if _filled(cell)]
        names = ((f" ({name})", item.__globals__.get(name)) for name in names_in(item.__code__))
        return [*inside, *((name, value) for name, value in names if isinstance(value, KINDS))]
    return _attributes(item)


def _attributes(item: Any) -> list[tuple[str, object]]:
    if type(item).__module__ == "builtins":
        return []
    own = getattr(item, "__dict__", {})
    # The running workers of a persistent loader are none of our business.
    return [*((f".{name}", own[name]) for name in own if name != "_iterator"), *_of_class(type(item))]


def _of_class(kind: type) -> list[tuple[str, object]]:
    """Generators that stand on a class, and its methods, which may use one of their module's."""
    return [
        (f".{name}", value)
        for base in kind.__mro__
        for name, value in vars(base).items()
        if isinstance(value, (*KINDS, types.FunctionType))
    ]


def names_in(code: types.CodeType) -> Iterator[str]:
    """The global names that a function's code uses, also inside its comprehensions and lambdas."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_in(constant)


def _filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
