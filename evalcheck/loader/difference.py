"""Two readings of the same samples compared: which changed, where in the sample, and by how much."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evalcheck.finding import Unanswerable
from evalcheck.loader.sample import Leaf, Sample, digest, numeric

# A stream that is read in another order looks like one that is drawn anew, unless most samples
# are nearest to their own counterparts. Fewer than this many cannot tell.
ENOUGH = 4
MOST = 0.75
# Each is compared with each other one: more than these would take seconds and tell nothing new.
COMPARED = 48


@dataclass(frozen=True, slots=True)
class Change:
    """A sample that came out different: the paths of its parts that did, and the largest size.

    ``size`` is the root mean square of the difference in units of the part's own spread;
    infinite where the shapes or the text differ.
    """

    parts: tuple[str, ...]
    size: float


@dataclass(frozen=True, slots=True)
class Repeat:
    """What two readings of the same samples gave.

    ``where`` is ``dataset``, ``collate_fn`` or ``loader``: what was read twice. ``used`` holds
    the ids of the watched objects whose methods ran while reading, None where that was not seen.
    """

    read: int
    changes: tuple[Change, ...]
    where: str
    used: frozenset[int] | None = None

    def differing(self, tolerance: float) -> tuple[Change, ...]:
        """The samples that changed by more than rounding."""
        return tuple(change for change in self.changes if change.size > tolerance)

    def size(self, tolerance: float) -> float | None:
        """The median size of the finite changes, None if there are none."""
        sizes = [c.size for c in self.differing(tolerance) if math.isfinite(c.size)]
        return statistics.median(sizes) if sizes else None


def in_order(first: Sequence[Sample], second: Sequence[Sample]) -> list[Change]:
    """Samples compared one by one, as they were read."""
    pairs = zip(first, second, strict=True)
    return [change for one, two in pairs if (change := between(one, two)) is not None]


def unordered(first: Sequence[Sample], second: Sequence[Sample], ended: bool) -> list[Change]:
    """Samples of two passes compared as bags, so that a shuffled order is no difference.

    Raises :class:`Unanswerable` where the passes are only the beginnings of a stream, and another
    order cannot be told from other samples.
    """
    prints = [digest(sample) for sample in first], [digest(sample) for sample in second]
    common = Counter(prints[0]) & Counter(prints[1])
    left = _without(first, prints[0], common), _without(second, prints[1], common)
    pairs = list(zip(*left, strict=False))
    if ended or not pairs:
        return [change for one, two in pairs if (change := between(one, two)) is not None]
    held = pairs[:COMPARED]
    if common or len(pairs) < ENOUGH or not _in_place([a for a, _ in held], [b for _, b in held]):
        raise Unanswerable(
            f"each pass over this stream begins with other samples, and within {len(first)} of them another "
            "order cannot be told from random data; pass a DataLoader over a dataset with indices"
        )
    return [change for one, two in pairs if (change := between(one, two)) is not None]


def between(one: Sample, two: Sample) -> Change | None:
    """The change of one sample, None if there is none.

    Text beside numbers is a name or a path and does not count; alone it is the data.
    """
    text_counts = not numeric(one)
    sizes = {
        path: size
        for path in dict.fromkeys([*one, *two])
        if (size := _size(one.get(path), two.get(path), text_counts)) > 0
    }
    return Change(tuple(sizes), max(sizes.values())) if sizes else None


def _size(one: Leaf | None, two: Leaf | None, text_counts: bool) -> float:
    if isinstance(one, Tensor) and isinstance(two, Tensor):
        return _distance(one, two)
    if isinstance(one, Tensor) or isinstance(two, Tensor):
        return math.inf
    return math.inf if text_counts and one != two else 0.0


def _distance(one: Tensor, two: Tensor) -> float:
    if one.shape != two.shape or one.dtype != two.dtype:
        return math.inf
    if torch.equal(one, two):
        return 0.0
    kind = torch.complex128 if one.is_complex() else torch.float64
    a, b = one.to(kind), two.to(kind)
    hidden = torch.isnan(a) & torch.isnan(b)
    a, b = a[~hidden], b[~hidden]
    if a.numel() == 0 or torch.equal(a, b):
        return 0.0
    difference = float((a - b).abs().square().mean().sqrt())
    spread = float(a.std(correction=0)) if a.numel() > 1 else 0.0
    scale = spread or float(torch.maximum(a.abs(), b.abs()).max())
    return difference / scale if math.isfinite(difference) and scale else math.inf


def _without(samples: Sequence[Sample], prints: Sequence[bytes], common: Counter[bytes]) -> list[Sample]:
    spare = common.copy()
    left = []
    for sample, print_ in zip(samples, prints, strict=True):
        if spare[print_] > 0:
            spare[print_] -= 1
        else:
            left.append(sample)
    return left


def _in_place(first: Sequence[Sample], second: Sequence[Sample]) -> bool:
    """Whether most samples are nearer to their own counterparts than to any other's."""
    nearest = 0
    for index, sample in enumerate(first):
        sizes = [change.size if (change := between(sample, other)) else 0.0 for other in second]
        nearest += all(sizes[index] < size for place, size in enumerate(sizes) if place != index)
    return nearest >= MOST * len(first)
