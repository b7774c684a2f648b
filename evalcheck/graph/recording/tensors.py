"""Finds the tensors inside arguments and outputs."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping
from types import MemberDescriptorType
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
    elif isinstance(value, (tuple, list, set, deque)):
        for item in list(value)[:_WIDTH]:
            yield from tensors(item, depth - 1)
    elif isinstance(value, Mapping):
        for item in _values(value)[:_WIDTH]:
            yield from tensors(item, depth - 1)
    elif isinstance(value, slice):
        yield from tensors((value.start, value.stop, value.step), depth - 1)
    elif depth > _DEPTH - 3 and (dataclasses.is_dataclass(value) or type(value).__module__ != "builtins"):
        # Graph batches, caches, nested tensors' wrappers: objects that carry tensors as attributes.
        yield from tensors(_attributes(value), depth - 1)


def plain(model: nn.Module) -> list[Tensor]:
    """Tensors that modules keep as plain attributes, or one container deep: constants, not computed."""
    found: list[Tensor] = []
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, Tensor):
                found.append(value)
            elif type(value) in (list, tuple):
                found += [item for item in value if isinstance(item, Tensor)]
            elif type(value) is dict and value:
                found += [item for item in value.values() if isinstance(item, Tensor)]
    return found


def _values(mapping: Mapping[Any, Any]) -> list[Any]:
    """What a mapping holds; nothing of one that cannot be read through."""
    try:
        return list(mapping.values())
    except Exception:
        return []


def _attributes(value: Any) -> dict[str, Any]:
    """An object's attributes, also those in slots; no property is run."""
    found: dict[str, Any] = {}
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            member = vars(kind).get(name)
            if isinstance(member, MemberDescriptorType) and hasattr(value, name):
                found[name] = getattr(value, name)
    return found | dict(getattr(value, "__dict__", None) or {})


def version(tensor: Tensor) -> int:
    """How often the tensor was written to; -1 where torch does not count (inference mode)."""
    try:
        return tensor._version
    except RuntimeError:
        return -1
