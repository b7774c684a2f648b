"""By how much two runs that should agree do not, and where."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

# A leaf this much smaller than the largest one may be what rounding left of a sum that should be zero.
RESIDUE = 1e-6


@dataclass(frozen=True)
class Difference:
    """Two runs that should agree: by how much they do not, and the module in which they part.

    ``size`` is the root mean square of the difference over that of the output (see :func:`between`), and
    ``real`` says that it is more than the tolerance and more than rounding. ``module`` is the one in whose
    own forward they part, ``""`` for the model itself, None where none could be named. ``batch_size`` is the
    size of the batches compared with the whole; None where none of one size were. ``samples`` were compared,
    of which ``differing`` had another output in the second run; 0 where they were not counted.
    """

    size: float
    module: str | None = None
    batch_size: int | None = None
    real: bool = False
    samples: int = 0
    differing: int = 0


def whereabouts(module: str | None) -> str:
    """Where two runs part, as the end of a sentence."""
    if module is None:
        return ""
    return (
        f"; they part in the forward of module {module!r}"
        if module
        else "; they part in the model's own forward"
    )


def percent(size: float) -> str:
    """A share for people, with as many digits as it takes: ``2.65%``, ``0.002%``."""
    return f"{size:.2%}" if size >= 1e-3 or size == 0 else f"{100 * size:.1g}%"


def relative(one: Tensor, two: Tensor) -> float:
    """Root mean square of the difference over that of the first; the plain one where that is zero."""
    size = scale(one)
    return _gap(one, two) / size if size > 0 else _gap(one, two)


def between(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> float | None:
    """The largest :func:`relative` of the leaves that both have in one shape; None without such.

    Each leaf counts in its own root mean square: in that of all together, a leaf of large numbers would
    hide what happens to a small one. What may be a residue of rounding counts in the largest leaf's.
    """
    common = [path for path, leaf in one.items() if path in two and two[path].shape == leaf.shape]
    sizes = scales({path: one[path] for path in common})
    found = [_gap(one[path], two[path]) / size for path, size in sizes.items()]
    return max(found, key=lambda size: (not math.isnan(size), size), default=None)


def scales(found: Mapping[str, Tensor], residue: float = RESIDUE) -> dict[str, float]:
    """What a difference in each leaf is measured in; 1 for all where every leaf is zero.

    Leaves smaller than ``residue`` times the largest count in the largest one's.
    """
    sizes = {path: scale(leaf) for path, leaf in found.items()}
    largest = max(sizes.values(), default=0.0)
    return {path: (size if size > residue * largest else largest) or 1.0 for path, size in sizes.items()}


def moves(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> Tensor | None:
    """How far each sample's output moved, (samples,) float64: root mean squares over leaves in their scales.

    None unless both have the same leaves of (samples, numbers).
    """
    if not one or any(path not in two or two[path].shape != leaf.shape for path, leaf in one.items()):
        return None
    sizes = scales(one)
    gaps = [_apart(leaf, two[path]).cpu() / sizes[path] for path, leaf in one.items()]
    return torch.cat(gaps, 1).square().mean(1).sqrt()


def scale(leaf: Tensor) -> float:
    """Root mean square of what is finite."""
    leaf = leaf.detach().double()
    return float(torch.where(leaf.isfinite(), leaf, 0.0).square().mean().sqrt())


def _gap(one: Tensor, two: Tensor) -> float:
    return float(_apart(one, two).square().mean().sqrt())


def _apart(one: Tensor, two: Tensor) -> Tensor:
    """The difference. What is the same in both counts as none, infinity too: masks are made of it."""
    one, two = one.double(), two.double()
    same = (one == two) | (one.isnan() & two.isnan())
    return torch.where(same, 0.0, one - two)
