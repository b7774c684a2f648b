"""Copies of batches, so that a forward that writes into its input does not write into the user's."""

from __future__ import annotations

import copy
import dataclasses
from collections import UserDict
from typing import Any

import torch
from torch import Tensor


def copied(value: Any) -> Any:
    """The same containers, of the same classes, with copies of the tensors; one tensor stays one.

    Objects that have a ``clone`` are asked for it, those with tensors among their attributes are copied
    one level deep; of anything else the user's own is handed on.
    """
    # Copying is no part of the forward: nobody who watches torch functions shall see it.
    with torch._C.DisableTorchFunction():
        return _copied(value, {})


def _copied(value: Any, known: dict[int, Any]) -> Any:
    if id(value) in known:
        return known[id(value)]
    known[id(value)] = made = _made(value, known)
    return made


def _made(value: Any, known: dict[int, Any]) -> Any:
    made: Any
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        made = copy.copy(value)
        for key, item in value.items():
            made[key] = _copied(item, known)
        return made
    if isinstance(value, UserDict):
        made = copy.copy(value)
        made.data = _copied(value.data, known)
        return made
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_copied(item, known) for item in value))
    if type(value) in (list, tuple):
        return type(value)(_copied(item, known) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        made = copy.copy(value)
        for field in dataclasses.fields(value):
            if hasattr(value, field.name):
                object.__setattr__(made, field.name, _copied(getattr(value, field.name), known))
        return made
    if callable(getattr(value, "clone", None)) and callable(getattr(value, "to", None)):
        return value.clone()
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict) and any(isinstance(item, Tensor) for item in attributes.values()):
        made = copy.copy(value)
        made.__dict__.update({name: _copied(item, known) for name, item in attributes.items()})
        return made
    return value
