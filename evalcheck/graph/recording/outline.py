"""What a forward returned, without its values: containers, keys, ranks. For comparing two modes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor

_DEPTH = 4
_WIDTH = 12


def outline(value: Any, depth: int = _DEPTH) -> str:
    """Such as ``(tensor, {logits: tensor, aux: tensor})``; lists of equal items are counted."""
    if isinstance(value, Tensor):
        return "tensor" if value.ndim else "scalar"
    if value is None or isinstance(value, (bool, int, float, str)):
        return "None" if value is None else type(value).__name__
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        try:
            return "{" + _named(value, depth) + "}"
        except Exception:  # a mapping of the user's own that cannot be read through
            return type(value).__name__
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
        return f"{type(value).__name__}({_named({k: v for k, v in fields.items() if v is not None}, depth)})"
    if isinstance(value, (tuple, list)):
        items = [outline(item, depth - 1) for item in value]
        same = len(items) > 2 and len(set(items)) == 1
        inner = f"{len(items)} x {items[0]}" if same else ", ".join(items[:_WIDTH])
        return f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
    return type(value).__name__


def _named(items: Mapping[Any, Any], depth: int) -> str:
    parts = [f"{key}: {outline(value, depth - 1)}" for key, value in list(items.items())[:_WIDTH]]
    return ", ".join([*parts, "…"] if len(items) > _WIDTH else parts)
