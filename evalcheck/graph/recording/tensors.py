"""Finds the tensors inside arguments and outputs, and remembers which operation made each."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, fx, nn

_DEPTH = 6
_WIDTH = 4096


def tensors(value: Any, depth: int = _DEPTH) -> Iterator[Tensor]:
    """Every tensor in nested containers, dataclasses and (near the surface) plain objects."""
    if isinstance(value, Tensor):
        yield value
    elif depth == 0 or value is None or isinstance(value, (int, float, str, bytes, type, nn.Module)):
        return
    elif isinstance(value, (tuple, list, set)):
        for item in list(value)[:_WIDTH]:
            yield from tensors(item, depth - 1)
    elif isinstance(value, Mapping):
        for item in list(value.values())[:_WIDTH]:
            yield from tensors(item, depth - 1)
    elif isinstance(value, slice):
        yield from tensors((value.start, value.stop, value.step), depth - 1)
    elif dataclasses.is_dataclass(value) or type(value).__module__ != "builtins":
        # Graph batches, caches, nested tensors' wrappers: objects that carry tensors as attributes.
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict) and depth > _DEPTH - 3:
            yield from tensors(attributes, depth - 1)


def version(tensor: Tensor) -> int:
    """How often the tensor was written to; -1 where torch does not count (inference mode)."""
    return -1 if tensor.is_inference() else tensor._version


def storage(tensor: Tensor) -> int:
    """The address of the tensor's memory, by which views of it are known; 0 without memory."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0


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
        entry = self._entries.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def put(self, tensor: Tensor, node: fx.Node) -> None:
        self._entries[id(tensor)] = (weakref.ref(tensor), node, version(tensor))

    def wrote(self, tensor: Tensor, node: fx.Node) -> None:
        """``node`` wrote into this tensor, and with it into everything that shares its memory."""
        if address := storage(tensor):
            self._writers[address] = node
        self.put(tensor, node)

    def late_writer(self, tensor: Tensor) -> fx.Node | None:
        """The node that wrote to the tensor's memory after its own maker, if any did."""
        entry = self._entries.get(id(tensor))
        if entry is None or entry[0]() is not tensor or entry[2] == version(tensor):
            return None
        writer = self._writers.get(storage(tensor))
        return writer if writer is not entry[1] else None
