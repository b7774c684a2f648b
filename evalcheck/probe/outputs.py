"""A model's output, whatever its structure, as one row of numbers per sample."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from evalcheck.batch import tree

WIDTH = 4096


def rows(output: Any, size: int) -> Tensor | None:
    """The float leaves with one entry per sample, as float32 (size, d); None if there is none.

    Of more than 4,096 numbers a sample, a fixed random choice is kept: means over it estimate
    means over all. Leaves without a row per sample (a mean loss, a hidden state with time first)
    are left out.
    """
    kept = [
        leaf.reshape(size, -1).float()
        for _, leaf in tree.leaves(output)
        if leaf.is_floating_point() and leaf.ndim > 0 and leaf.shape[0] == size and leaf.numel()
    ]
    if not kept:
        return None
    flat = torch.cat(kept, dim=1)
    if flat.shape[1] > WIDTH:
        choice = torch.randperm(flat.shape[1], generator=torch.Generator().manual_seed(0))[:WIDTH]
        flat = flat[:, choice.to(flat.device)]
    return flat


def primary(output: Any, size: int) -> Tensor | None:
    """The leaf that targets are compared with: ``logits`` if there is one, else the first of :func:`rows`."""
    found = [
        (path, leaf)
        for path, leaf in tree.leaves(output)
        if leaf.is_floating_point() and leaf.ndim > 0 and leaf.shape[0] == size
    ]
    named = [leaf for path, leaf in found if path.rpartition(".")[2] in ("logits", "out", "pred", "preds")]
    candidates = named or [leaf for _, leaf in found]
    return candidates[0] if candidates else None
