"""What a loader's inputs look like: for each part of a sample, its type, sizes, range, mean and spread."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from evalcheck.batch.binding import TARGETS
from evalcheck.batch.layouts import dense
from evalcheck.loader.sample import Sample

# A channel dimension is known by its size.
CHANNELS = (1, 3, 4)
HEADERS = ("input", "loader", "dtype", "shape", "mean", "std", "lowest", "highest")
_ROOT = re.compile(r"^\[(\d+)\]|^([^.\[]+)")


@dataclass
class Part:
    """One input by its path; ``means`` and ``squares`` hold one figure for each sample."""

    path: str
    dtypes: Counter[torch.dtype] = field(default_factory=Counter)
    shapes: Counter[tuple[int, ...]] = field(default_factory=Counter)
    means: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)
    low: float = float("inf")
    high: float = float("-inf")

    @property
    def dtype(self) -> torch.dtype:
        return self.dtypes.most_common(1)[0][0]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.shapes.most_common(1)[0][0]

    @property
    def channels(self) -> tuple[str, int] | None:
        """``("first", 3)`` or ``("last", 3)`` for images whose layout can be told."""
        found = {_layout(shape) for shape in self.shapes}
        return found.pop() if len(found) == 1 else None

    @property
    def moments(self) -> Tensor:
        """float64 of shape (samples, 2): mean and mean square of each sample's values."""
        return torch.tensor([self.means, self.squares], dtype=torch.float64).T.reshape(-1, 2)

    @property
    def mean(self) -> float:
        return float(self.moments[:, 0].mean())

    @property
    def deviation(self) -> float:
        """The standard deviation of all values."""
        return math.sqrt(max(0.0, float(self.moments[:, 1].mean()) - self.mean**2))

    @property
    def type_name(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    def row(self, loader: str) -> tuple[str, ...]:
        """One line of a table, as :data:`HEADERS` has it."""
        sizes = "x".join(map(str, self.shape)) + ("" if len(self.shapes) == 1 else " and others")
        figures = (f"{figure:.3g}" for figure in (self.mean, self.deviation, self.low, self.high))
        return (self.path or "input", loader, self.type_name, sizes, *figures)

    def add(self, leaf: Tensor) -> None:
        """Take in one sample; values that are not finite are left out."""
        self.dtypes[leaf.dtype] += 1
        self.shapes[tuple(leaf.shape)] += 1
        values = leaf.abs() if leaf.is_complex() else leaf
        values = values.double().flatten()
        values = values[values.isfinite()]
        if values.numel():
            self.means.append(float(values.mean()))
            self.squares.append(float(values.square().mean()))
            self.low = min(self.low, float(values.min()))
            self.high = max(self.high, float(values.max()))


def parts(samples: Iterable[Sample]) -> dict[str, Part]:
    """The inputs of the samples by path: no targets, no single numbers, no text."""
    found: dict[str, Part] = {}
    for one in samples:
        target = target_of(one)
        for path, leaf in one.items():
            plain = dense(leaf) if isinstance(leaf, Tensor) else None
            if plain is not None and plain.ndim and plain.numel() and not _below(path, target):
                found.setdefault(path, Part(path)).add(plain)
    return found


def target_of(sample: Sample) -> str | None:
    """The root of the path that holds the target: named like one, or the second of a pair."""
    roots = list(dict.fromkeys(_root(path) for path in sample))
    named = next((root for root in roots if root.lower() in TARGETS), None)
    if named is not None or roots != ["[0]", "[1]"]:
        return named
    return "[1]"


def _root(path: str) -> str:
    match = _ROOT.match(path)
    return match[0] if match else path


def _below(path: str, root: str | None) -> bool:
    return root is not None and _root(path) == root


def _layout(shape: tuple[int, ...]) -> tuple[str, int] | None:
    if len(shape) != 3 or (shape[0] in CHANNELS) == (shape[-1] in CHANNELS):
        return None
    return ("first", shape[0]) if shape[0] in CHANNELS else ("last", shape[-1])
