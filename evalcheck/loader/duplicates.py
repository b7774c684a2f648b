"""Whether two workers of one loader draw the same numbers: measured by reading as each of them."""

from __future__ import annotations

import random
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch.utils.data import DataLoader

from evalcheck.loader import generators, reading, sample, worker
from evalcheck.loader.difference import in_order
from evalcheck.loader.generators import Generator
from evalcheck.loader.sample import Sample

# Any seeds: of the workers, and of the global generators where they are set alike.
SEED, ALIKE = 20, 7


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was read, and which generators were drawn from for it.

    Of ``read`` samples ``moving`` are other ones when one worker reads them again, and ``shared``
    of these are equal in the second worker. ``kept`` are the generators, by path and class.
    """

    read: int
    moving: int
    shared: int
    kept: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Start:
    """How a worker begins: its number and seed. ``alike`` sets the global generators to one state."""

    number: int
    seed: int
    alike: bool


def measure(loader: DataLoader[Any], samples: int) -> Duplicates | None:
    """Read some indices as one worker, again as the same, and as another; None if no generator is kept.

    The other worker is the second one, or where there is only one the first one of the next epoch.
    Once the global generators are set alike, so that only kept generators can make a difference; and
    once they have the seeds of the workers, since some code seeds its generator by them. Raises
    :class:`Unanswerable` where samples cannot be read.
    """
    objects = list(generators.reached(("dataset", loader.dataset), ("collate_fn", loader.collate_fn)))
    kept = [(path, item) for path, item in objects if isinstance(item, generators.KINDS)]
    if not kept:
        return None
    chosen = reading.indices(loader, samples)
    other = (1, SEED) if loader.num_workers > 1 else (0, SEED + 1)
    with _put_back(objects, kept):
        first, drawn = _read(loader, chosen, _Start(0, SEED, True), kept)
        again, _ = _read(loader, chosen, None, kept)
    with _put_back(objects, kept):
        second, _ = _read(loader, chosen, _Start(*other, True), kept)
    with _put_back(objects, kept):
        _, one = _read(loader, chosen[:1], _Start(0, SEED, False), kept)
    with _put_back(objects, kept):
        _, two = _read(loader, chosen[:1], _Start(*other, False), kept)
    count = min(len(first), len(again), len(second))
    moves = [bool(in_order([a], [b])) for a, b in zip(first[:count], again[:count], strict=True)]
    differs = [bool(in_order([a], [b])) for a, b in zip(first[:count], second[:count], strict=True)]
    same = [path for path, state in one.items() if two.get(path) == state]
    shared = sum(m and not d for m, d in zip(moves, differs, strict=True)) if same else 0
    near = sorted(kept, key=lambda pair: len(pair[0]))
    found = tuple((path, _kind(item)) for path, item in near if path in drawn and path in same)
    return Duplicates(count, sum(moves), shared, found)


def _read(
    loader: DataLoader[Any], chosen: Sequence[Any], start: _Start | None, kept: list[tuple[str, Generator]]
) -> tuple[list[Sample], dict[str, object]]:
    """The samples, and the states of those generators that were drawn from."""
    number, seed = (start.number, start.seed + start.number) if start else (0, SEED)
    if start is not None:
        worker.begin(loader, start.number, start.seed)
    if start is None or start.alike:
        random.seed(ALIKE)
        torch.manual_seed(ALIKE)
        numpy.random.seed(ALIKE)
    before = {path: generators.state(item) for path, item in kept}
    with worker.inside(loader, number, seed):
        samples = [sample.freeze(item) for item in reading.items(loader.dataset, chosen)]
    after = {path: generators.state(item) for path, item in kept}
    return samples, {path: state for path, state in after.items() if state != before[path]}


@contextmanager
def _put_back(objects: list[tuple[str, object]], kept: list[tuple[str, Generator]]) -> Iterator[None]:
    """Attributes that are bound anew inside, and the generators, are afterwards as they were.

    A worker reads a copy of the dataset: a mark such as ``self.started`` must not outlive it.
    """
    routines = (types.FunctionType, types.MethodType)
    dicts = [
        vars(item) for _, item in objects if hasattr(item, "__dict__") and not isinstance(item, routines)
    ]
    noted = [(own, dict(own)) for own in dicts if isinstance(own, dict)]
    with generators.restored(item for _, item in kept):
        try:
            yield
        finally:
            for own, was in noted:
                if own.keys() != was.keys() or any(own[name] is not was[name] for name in was):
                    own.clear()
                    own.update(was)


def _kind(item: Generator) -> str:
    kind = type(item)
    return f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
