"""Python's special methods as functions that a graph can keep and write down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Function = Callable[..., Any]


def setitem(tensor: Tensor, index: Any, value: Any) -> Tensor:
    """``tensor[index] = value``, as a function of the tensor: what it gives is the tensor afterwards."""
    tensor[index] = value
    return tensor


def setattribute(tensor: Tensor, name: str, value: Any) -> Tensor:
    """``tensor.data = value``, likewise."""
    setattr(tensor, name, value)
    return tensor


def in_graph(function: Function, name: str, args: tuple[Any, ...]) -> tuple[Function, str, tuple[Any, ...]]:
    """Python's special methods as functions that a graph can keep, with their names and arguments."""
    if name == "__setitem__":
        return setitem, "setitem", args
    attribute = getattr(getattr(function, "__self__", None), "__name__", "")
    if name == "__get__":
        return getattr, "getattr", (args[0], attribute)
    if name == "__set__":
        return setattribute, "setattr", (args[0], attribute, *args[1:])
    if name in ("pow", "pow_") and getattr(function, "__module__", "") == "torch._tensor":
        # The operator's function goes by a name that its module does not have.
        return (torch.pow, "pow", args) if name == "pow" else (Tensor.pow_, "pow", args)
    return function, name, args
