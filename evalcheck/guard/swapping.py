"""Buffers are exchanged for clones wherever they are kept, so that the originals are never written."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import Any

import torch
from torch import Tensor

from evalcheck.guard.reach import Reach
from evalcheck.guard.tensors import LAZY


def swappable(reach: Reach) -> list[Tensor]:
    """Buffers, and results that carry a graph, which writing would change for good.

    Not those that something unchangeable leads to, or that share memory with another tensor:
    clones of one and not of the other would not see each other's writes.
    """
    buffers = {id(b) for m in reach.modules for b in _table(m) if b is not None}
    memory = {id(tensor): _memory(tensor) for tensor in reach.tensors}
    shared = Counter(memory.values())
    return [
        tensor
        for tensor in reach.tensors
        if (id(tensor) in buffers or not tensor.is_leaf)
        and id(tensor) not in reach.fixed
        and id(tensor) in reach.places
        and not isinstance(tensor, LAZY)
        and shared[memory[id(tensor)]] == 1
    ]


def swap(tensor: Tensor, reach: Reach) -> None:
    """Put a clone everywhere; that the containers are put back is the caller's care."""
    clone = tensor.detach().clone()
    if tensor.is_leaf and tensor.requires_grad:
        clone.requires_grad_()
    if tensor.__dict__:
        clone.__dict__.update(tensor.__dict__)
    for holder, key in reach.places[id(tensor)]:
        _base(holder).__setitem__(holder, key, clone)


def _base(holder: Any) -> Any:
    return next(base for base in (OrderedDict, dict, list, deque) if isinstance(holder, base))


def _table(module: torch.nn.Module) -> list[Tensor | None]:
    # A scripted module's table lies in C++.
    table = module.__dict__.get("_buffers")
    return list(table.values()) if isinstance(table, dict) else []


def _memory(tensor: Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError, AttributeError, ValueError):
        # Sparse, foreign or not yet initialised: it has no memory of that kind.
        return -id(tensor)
