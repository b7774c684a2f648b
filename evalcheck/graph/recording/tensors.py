"""Finds the tensors inside arguments and outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

_DEPTH = 6
_WIDTH = 4096
_PLAIN = (int, float, str, bytes, type, nn.Module)


def inside(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """The tensors in the arguments of a call, positional ones first.

    Nearly all arguments are tensors or plain values: those are looked at here, without a generator.
    """
    found: list[Tensor] = []
    for value in args:
        if isinstance(value, Tensor):
            found.append(value)
        elif value is not None and not isinstance(value, _PLAIN):
            found.extend(tensors(value))
    if kwargs:
        for value in kwargs.values():
            if isinstance(value, Tensor):
                found.append(value)
            elif value is not None and not isinstance(value, _PLAIN):
                found.extend(tensors(value))
    return found


def tensors(value: Any, depth: int = _DEPTH) -> Iterator[Tensor]:
    """Every tensor in nested containers, dataclasses and (near the surface) plain objects."""
    if isinstance(value, Tensor):
        yield value
    elif depth == 0 or value is None or isinstance(value, _PLAIN):
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
    try:
        return tensor._version
    except RuntimeError:
        return -1


def storage(tensor: Tensor) -> int:
    """The address of the tensor's memory, by which views of it are known; 0 without memory."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0
