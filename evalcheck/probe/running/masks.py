"""Infinity that an output holds on purpose: classes or positions that no mode may choose."""

from __future__ import annotations

import torch
from torch import Tensor

from evalcheck.probe.running import outputs
from evalcheck.probe.running.outputs import Leaves

# What a class score of minus infinity becomes: as improbable, and its logarithm can be counted with.
FAR = 1e4


def parted(found: Leaves) -> tuple[Leaves, Leaves]:
    """The leaves with 0 for infinity, and the sign of what was infinite in each, (N, d) int8, else 0.

    The second is empty where nothing was. NaN stays.
    """
    infinite = {path: leaf.isinf() for path, leaf in found.items()}
    if not any(bool(where.any()) for where in infinite.values()):
        return found, {}
    signs = {path: (leaf.sign() * infinite[path]).nan_to_num().to(torch.int8) for path, leaf in found.items()}
    return {path: leaf.masked_fill(infinite[path], 0.0) for path, leaf in found.items()}, signs


def are_lost(one: Leaves, two: Leaves) -> bool:
    """Whether anything that is infinite by the signs of one run is not, or is otherwise, by another's."""
    found = outputs.aligned(one, [two])
    if found is None:
        return False
    here, (there,) = found
    return bool(((here != 0) & (here != there)).any())


def choosable(classes: Tensor) -> Tensor:
    """Class scores with finite numbers for infinity: what is masked has no probability in either mode."""
    return classes.nan_to_num(nan=float("nan"), posinf=FAR, neginf=-FAR)
