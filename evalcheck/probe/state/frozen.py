"""Values as they were at one moment: copies that can be compared, shown and laid back."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.guard.bits import same_bits
from evalcheck.guard.kinds import Kind, kind
from evalcheck.guard.reach import own_fields
from evalcheck.guard.tensors import LAZY

DEPTH, LENGTH = 4, 1000
PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device)


@dataclass(frozen=True)
class Frozen:
    """One value: ``held`` is a copy, parts are frozen themselves; ``source`` the object it was read from.

    ``form`` is ``plain``, ``tensor``, ``array``, ``parts`` (lists, tuples), ``table`` (dicts), ``object``
    (fields of an object, which stays itself), or ``same`` for what is only told by its identity.
    """

    form: str
    held: Any
    source: Any


def freeze(value: Any, depth: int = DEPTH) -> Frozen:
    """Parameters, modules and what lies deeper than four levels are told by their identity alone."""
    if isinstance(value, PLAIN):
        return Frozen("plain", value, None)
    if isinstance(value, Tensor):
        return _tensor(value)
    if depth == 0 or isinstance(value, nn.Module):
        return Frozen("same", value, value)
    if isinstance(value, dict) and dict.__len__(value) <= LENGTH:
        return Frozen("table", {k: freeze(v, depth - 1) for k, v in dict.items(value)}, value)
    if isinstance(value, (list, tuple, deque)) and len(value) <= LENGTH:
        return Frozen("parts", [freeze(item, depth - 1) for item in value], value)
    found = kind(type(value))
    if found is Kind.ARRAY and not value.dtype.hasobject:
        return Frozen("array", value.copy(), value)
    if found is Kind.OBJECT and (fields := own_fields(value)):
        return Frozen("object", {k: freeze(v, depth - 1) for k, v in fields.items()}, value)
    return Frozen("same", value, value)


def _tensor(value: Tensor) -> Frozen:
    if isinstance(value, (nn.Parameter, *LAZY)):
        return Frozen("same", value, value)
    try:
        return Frozen("tensor", value.detach().clone(), None)
    except (NotImplementedError, TypeError, RuntimeError):
        return Frozen("same", value, value)


def same(one: Frozen, two: Frozen) -> bool:
    """Whether nothing changed between the two, bit for bit."""
    if one.form != two.form:
        return False
    if one.form == "tensor":
        return bool(same_bits(one.held, two.held))
    if one.form == "array":
        return bool(one.held.shape == two.held.shape and one.held.tobytes() == two.held.tobytes())
    if one.form == "parts":
        return len(one.held) == len(two.held) and all(map(same, one.held, two.held))
    if one.form in ("table", "object"):
        return one.held.keys() == two.held.keys() and all(same(v, two.held[k]) for k, v in one.held.items())
    if one.form == "plain":
        # NaN is not itself.
        return type(one.held) is type(two.held) and repr(one.held) == repr(two.held)
    return one.held is two.held


def thaw(ice: Frozen) -> Any:
    """A value like the one that was frozen. An object is itself, with the fields that it had."""
    if ice.form == "tensor":
        return ice.held.clone()
    if ice.form == "array":
        return ice.held.copy()
    if ice.form == "table":
        return _table(ice)
    if ice.form == "parts":
        return _parts(ice)
    if ice.form == "object":
        fields = own_fields(ice.source)
        if fields is not None:
            fields.clear()
            fields.update({k: thaw(v) for k, v in ice.held.items()})
        return ice.source
    return ice.held


def _table(ice: Frozen) -> Any:
    content = {k: thaw(v) for k, v in ice.held.items()}
    if type(ice.source) is dict:
        return content
    # A class of somebody's own may do anything when it is made: it stays itself.
    dict.clear(ice.source)
    dict.update(ice.source, content)
    return ice.source


def _parts(ice: Frozen) -> Any:
    items = [thaw(item) for item in ice.held]
    made = type(ice.source)
    if made in (list, tuple):
        return made(items)
    if made is deque:
        return deque(items, ice.source.maxlen)
    if isinstance(ice.source, tuple) and hasattr(ice.source, "_fields"):
        return made(*items)
    return ice.source


def shown(ice: Frozen | None) -> str:
    """For people: a number, the size and mean of a tensor, the kind of anything else."""
    if ice is None or (ice.form == "plain" and ice.held is None):
        return "nothing"
    if ice.form == "plain":
        return f"{ice.held:.4g}" if isinstance(ice.held, float) else repr(ice.held)[:40]
    if ice.form == "tensor":
        return _summary(ice.held)
    if ice.form == "parts" and len(ice.held) == 1:
        return shown(ice.held[0])
    if ice.form in ("parts", "table"):
        return f"{type(ice.source).__name__} of {len(ice.held)}"
    if ice.form == "array" and "numpy" in sys.modules:
        return f"array {'x'.join(map(str, ice.held.shape)) or 'scalar'}"
    return type(ice.source).__name__


def _summary(tensor: Tensor) -> str:
    if tensor.is_meta or not tensor.numel() or tensor.layout is not torch.strided or tensor.is_quantized:
        return f"tensor {'x'.join(map(str, tensor.shape))}"
    if tensor.numel() == 1:
        value = tensor.reshape(-1)[0].item()
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    if tensor.is_complex():
        return f"{'x'.join(map(str, tensor.shape))}"
    return f"{'x'.join(map(str, tensor.shape))}, mean {float(tensor.double().mean()):.4g}"
