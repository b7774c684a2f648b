"""By how much two runs that should agree do not, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evalcheck.probe.running import outputs
from evalcheck.probe.running.outputs import Leaves


@dataclass(frozen=True)
class Difference:
    """Two runs that should agree: by how much they do not, and the module in which they part.

    ``size`` is the root mean square of the difference over that of the output, and ``real`` says that it
    is more than the tolerance and more than rounding. ``module`` is the one in whose own forward they
    part, ``""`` for the model itself, None where none could be named. ``batch_size`` is the size of the
    batches compared with the whole; None where none of one size were.
    """

    size: float
    module: str | None = None
    batch_size: int | None = None
    real: bool = False


def whereabouts(module: str | None) -> str:
    """Where two runs part, as the end of a sentence."""
    if module is None:
        return ""
    return (
        f"; they part in the forward of module {module!r}"
        if module
        else "; they part in the model's own forward"
    )


def relative(one: Tensor, two: Tensor) -> float:
    """Root mean square of the difference over that of the first; the plain one where that is zero.

    What is the same in both counts as no difference, infinity too: masks are made of it.
    """
    one, two = one.double(), two.double()
    same = (one == two) | (one.isnan() & two.isnan())
    gap = float(torch.where(same, 0.0, one - two).square().mean().sqrt())
    scale = float(torch.where(one.isfinite(), one, 0.0).square().mean().sqrt())
    return gap / scale if scale > 0 else gap


def between(one: Leaves, two: Leaves, paths: Sequence[str] | None = None) -> float | None:
    """:func:`relative` over the leaves that both have in one shape; None without such."""
    common = [p for p in paths or one if p in one and p in two and two[p].shape == one[p].shape]
    return relative(outputs.wide(one, common), outputs.wide(two, common)) if common else None
