"""Arguments of an operation as a graph may keep them: nodes for tensors, no hold on other objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

# How an object that a graph cannot keep stands in it.
FOREIGN = re.compile(r"<\w+>")

_PLAIN = (bool, int, float, complex, str, torch.dtype, torch.device, torch.layout, torch.memory_format)


_ATOMS = frozenset({bool, int, float, str, type(None), torch.dtype, torch.device})


def arguments(args: tuple[Any, ...], node_of: Callable[[Tensor], fx.Node]) -> tuple[Any, ...]:
    """The positional arguments of a call, :func:`frozen`; most are tensors or plain."""
    return tuple(
        [
            node_of(value)
            if isinstance(value, Tensor)
            else value
            if type(value) in _ATOMS
            else frozen(value, node_of)
            for value in args
        ]
    )


def frozen(value: Any, node_of: Callable[[Tensor], fx.Node]) -> Any:
    """Tensors become their nodes, containers are copied, foreign objects become their class's name.

    A cache or a generator that stayed in the graph would keep its tensors alive.
    """
    if isinstance(value, Tensor):
        return node_of(value)
    if value is None or value is Ellipsis or isinstance(value, _PLAIN):
        return value
    if isinstance(value, (tuple, torch.Size)):
        return tuple(frozen(item, node_of) for item in value)
    if isinstance(value, list):
        return [frozen(item, node_of) for item in value]
    if isinstance(value, dict):
        return {str(key): frozen(item, node_of) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(*(frozen(part, node_of) for part in (value.start, value.stop, value.step)))
    return f"<{type(value).__name__}>"
