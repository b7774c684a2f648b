"""Remembers which operation made each tensor."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor, fx

from evalcheck.graph.recording.tensors import storage, version


class Makers:
    """Tensor -> the node that made it.

    Keyed by ``id``, which is used again after a tensor is freed: the weak reference tells.
    A tensor that was written to since, directly or through a view, has a newer ``version``;
    the last writer to its memory is then part of what made it.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Tensor], fx.Node, int]] = {}
        self._writers: dict[int, fx.Node] = {}

    def find(self, tensor: Tensor) -> fx.Node | None:
        """The node that made the tensor; of a tensor inside ``torch.func``, the one that it wraps."""
        entry = self._entries.get(id(tensor))
        if entry is not None and entry[0]() is tensor:
            return entry[1]
        wrapped = _unwrapped(tensor)
        return self.find(wrapped) if wrapped is not None else None

    def put(self, tensor: Tensor, node: fx.Node) -> None:
        self._entries[id(tensor)] = (weakref.ref(tensor), node, version(tensor))
        # What ``torch.func`` hands on in the end is the tensor inside.
        if (wrapped := _unwrapped(tensor)) is not None:
            self.put(wrapped, node)

    def wrote(self, tensor: Tensor, node: fx.Node) -> None:
        """``node`` wrote into this tensor, and with it into everything that shares its memory."""
        if address := storage(tensor):
            self._writers[address] = node
        self.put(tensor, node)

    def late_writer(self, tensor: Tensor) -> fx.Node | None:
        """The node that wrote to the tensor's memory after its own maker, if any did."""
        entry = self._entries.get(id(tensor))
        if entry is None or entry[2] == version(tensor) or entry[0]() is not tensor:
            return None
        writer = self._writers.get(storage(tensor))
        return writer if writer is not entry[1] else None


def _unwrapped(tensor: Tensor) -> Tensor | None:
    """The tensor inside a batched or differentiated one of ``torch.func``; None for any other."""
    functorch = torch._C._functorch
    if not functorch.is_functorch_wrapped_tensor(tensor):
        return None
    inner: Tensor = functorch.get_unwrapped(tensor)
    return inner if inner is not tensor else None
