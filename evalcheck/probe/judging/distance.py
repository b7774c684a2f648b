"""How far two outputs are apart, in units of the output's own variance over samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Student's t, 97.5 %, by the number of groups, whose degrees of freedom are one less.
T_975 = {3: 4.303, 4: 3.182}


@dataclass(frozen=True)
class Spread:
    """What repeated noisy passes say about their mean's distance from a reference.

    ``bias`` and ``noise`` are per sample, (N,), in squared output units.
    """

    bias: Tensor
    noise: Tensor
    mean: Tensor
    passes: int


def spread(passes: Sequence[Tensor], reference: Tensor) -> Spread:
    """Debiased squared distance of the passes' mean from the reference.

    With d_r = f_r - reference: bias = (|sum d_r|^2 - sum |d_r|^2) / (R (R - 1)), which is unbiased
    for |E d|^2 whatever the noise (it may be negative); noise = (sum |d_r|^2 - |sum d_r|^2 / R) /
    (R - 1). The plug-in |mean d|^2 would be too large by noise / R. ``passes`` are R >= 2 tensors
    (N, D).
    """
    count = len(passes)
    total = torch.zeros_like(reference, dtype=torch.float64)
    squares = torch.zeros(len(reference), dtype=torch.float64, device=reference.device)
    for one in passes:
        difference = (one - reference).double()
        total += difference
        squares += difference.square().sum(1)
    whole = total.square().sum(1)
    return Spread(
        bias=(whole - squares) / (count * (count - 1)),
        noise=(squares - whole / count) / (count - 1),
        mean=reference + (total / count).to(reference.dtype),
        passes=count,
    )


def variance(*outputs: Tensor) -> float:
    """Total variance over samples, summed over coordinates, mean of the given outputs (N, D)."""
    values = [float(o.double().var(0, correction=0).sum()) for o in outputs]
    return sum(values) / len(values)


def squared(one: Tensor, two: Tensor) -> float:
    """Mean over samples of the squared distance of two outputs (N, D)."""
    return float((one - two).double().square().sum(1).mean())


def interval(values: Tensor, groups: Sequence[Tensor], unit: float) -> tuple[float, float] | None:
    """95 % interval of a mean over samples from three or four disjoint groups of them, in ``unit``.

    Samples of one train-mode batch share its statistics and are no independent draws; groups whose
    batches do not mix are. None with fewer groups.
    """
    if len(groups) not in T_975 or unit <= 0:
        return None
    means = torch.stack([values[group].mean() for group in groups]) / unit
    centre, half = float(means.mean()), T_975[len(groups)] * float(means.std()) / len(groups) ** 0.5
    return centre - half, centre + half
