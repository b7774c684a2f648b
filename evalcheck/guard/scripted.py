"""Scripted modules: what they keep lies in C++, and is asked for and set by name."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.guard.undo import Undo


def note(module: nn.Module) -> tuple[list[Undo], list[Tensor]]:
    """Steps that set its attributes again, its mode among them, and the tensors that they hold."""
    inner = module.__dict__.get("_c")
    if not isinstance(module, torch.jit.ScriptModule) or inner is None:
        return [], []
    undo: list[Undo] = []
    tensors: list[Tensor] = []
    made: Any = torch._C.ConcreteModuleType.from_jit_type(inner._type())
    for name in made.get_attributes():
        value = inner.getattr(name)
        undo.append(partial(_put_back, inner, name, value))
        tensors += _tensors(value)
    return undo, tensors


def _put_back(inner: Any, name: str, value: object) -> None:
    if inner.getattr(name) is not value:
        inner.setattr(name, value)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in _tensors(item)]
    return []
