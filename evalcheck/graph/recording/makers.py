"""Remembers which operation made each tensor, and which wrote into it afterwards."""

from __future__ import annotations

import weakref
from typing import NamedTuple

import torch
from torch import Tensor, fx

from evalcheck.graph.recording.memory import Region, region, storage
from evalcheck.graph.recording.tensors import version


class _Entry(NamedTuple):
    tensor: weakref.ref[Tensor]
    node: fx.Node
    time: int
    version: int


class _Write(NamedTuple):
    time: int
    node: fx.Node
    region: Region | None


class Makers:
    """Tensor -> the node that made it.

    Keyed by ``id``, which is used again after a tensor is freed: the weak reference tells. A write
    into a tensor is a write into every view that shares an element with it: ``time`` counts writes,
    and those to the same memory since a tensor's entry are part of what made it.
    """

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._writes: dict[int, list[_Write]] = {}
        self._time = 0

    def find(self, tensor: Tensor) -> fx.Node | None:
        """The node that made the tensor; of a tensor inside ``torch.func``, the one that it wraps."""
        entry = self._entries.get(id(tensor))
        if entry is not None and entry.tensor() is tensor:
            return entry.node
        wrapped = unwrapped(tensor)
        return self.find(wrapped) if wrapped is not None else None

    def settled(self, tensor: Tensor, version: int) -> fx.Node | None:
        """The node of a tensor to which nothing can have happened since, else None: look again."""
        entry = self._entries.get(id(tensor))
        if (
            entry is None
            or entry.time != self._time
            or entry.version != version
            or entry.tensor() is not tensor
        ):
            return None
        return entry.node

    def put(self, tensor: Tensor, node: fx.Node) -> None:
        self._entries[id(tensor)] = _Entry(weakref.ref(tensor), node, self._time, version(tensor))
        # What ``torch.func`` hands on in the end is the tensor inside.
        if (wrapped := unwrapped(tensor)) is not None:
            self.put(wrapped, node)

    def wrote(self, tensor: Tensor, node: fx.Node) -> None:
        """``node`` wrote into this tensor; its value is the tensor afterwards."""
        self._time += 1
        if address := storage(tensor):
            self._writes.setdefault(address, []).append(_Write(self._time, node, region(tensor)))
        self.put(tensor, node)

    def late_writers(self, tensor: Tensor) -> list[fx.Node]:
        """The nodes that wrote into the tensor's elements after its entry, in order."""
        entry = self._entries.get(id(tensor))
        if entry is None or entry.time == self._time or entry.tensor() is not tensor:
            return []
        late = [w for w in self._writes.get(storage(tensor), ()) if w.time > entry.time]
        if not late:
            return []
        mine = region(tensor)
        return [w.node for w in late if mine is None or w.region is None or mine.meets(w.region)]

    def written_unseen(self, tensor: Tensor) -> bool:
        """Whether the tensor was written to since its entry, and by none of the known writers."""
        entry = self._entries.get(id(tensor))
        if entry is None or entry.tensor() is not tensor or entry.version == version(tensor):
            return False
        return not any(w.time > entry.time for w in self._writes.get(storage(tensor), ()))


def unwrapped(tensor: Tensor) -> Tensor | None:
    """The tensor inside a batched or differentiated one of ``torch.func``; None for any other."""
    functorch = torch._C._functorch
    if not functorch.is_functorch_wrapped_tensor(tensor):
        return None
    inner: Tensor = functorch.get_unwrapped(tensor)
    return inner if inner is not tensor else None
