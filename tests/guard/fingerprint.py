"""Everything about a model that a guard must give back, as comparable values.

It is told from the objects themselves, not by the guard's own walk, which it is there to judge.
"""

from __future__ import annotations

import array
import collections
import random

import numpy
import torch
from torch import nn

PLAIN = (int, float, str, bytes, complex, type(None), torch.dtype, torch.device)
GENERATORS = (numpy.random.Generator, numpy.random.RandomState, torch.Generator, random.Random)


def bits(tensor):
    """The values byte for byte, of any kind of tensor."""
    tensor = tensor.detach()
    if tensor.is_meta:
        return b"meta"
    if tensor.layout is torch.sparse_coo:
        return bits(tensor._indices()) + bits(tensor._values())
    if tensor.layout is torch.sparse_csr:
        return bits(tensor.crow_indices()) + bits(tensor.col_indices()) + bits(tensor.values())
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    flat = tensor.cpu().resolve_conj().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def fingerprint(model: nn.Module) -> dict[str, object]:
    """Values, identities, versions, modes, hooks, attributes and the state of every generator."""
    found: dict[str, object] = {}
    for name, p in model.named_parameters():
        found[f"parameter {name}"] = tensor_print(p)
        found[f"gradient {name}"] = None if p.grad is None else (id(p.grad), bits(p.grad), p.grad._version)
    for name, b in model.named_buffers():
        found[f"buffer {name}"] = tensor_print(b)
    for name, module in model.named_modules():
        found[f"module {name}"] = (id(module), type(module), module.training)
    found["model"] = state(model, {})
    found["torch"] = bits(torch.get_rng_state())
    found["numpy"] = repr(numpy.random.get_state())
    found["random"] = random.getstate()
    found["grad mode"] = torch.is_grad_enabled()
    found["fast path"] = torch.backends.mha.get_fastpath_enabled()
    found["dtype"] = torch.get_default_dtype()
    found["deterministic"] = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    return found


def tensor_print(tensor):
    """One tensor, its hooks and its fields."""
    if isinstance(tensor, (nn.UninitializedParameter, nn.UninitializedBuffer)):
        return (id(tensor), type(tensor), tensor.requires_grad)
    hooks = tensor._backward_hooks if tensor.is_leaf else None
    return (
        id(tensor),
        type(tensor),
        tuple(tensor.shape),
        tensor.dtype,
        bits(tensor),
        tensor.requires_grad,
        id(tensor.grad_fn) if tensor.grad_fn is not None else None,
        id(tensor.grad) if tensor.is_leaf else None,
        tuple(hooks) if hooks else (),
        tensor._version,
        repr(sorted(tensor.__dict__)),
    )


def state(value, met):
    """Whatever hangs on a value, with identities; each object once."""
    if isinstance(value, PLAIN):
        return value if not isinstance(value, float) else value.hex()
    if id(value) in met or isinstance(value, type) or (callable(value) and not hasattr(value, "__dict__")):
        return id(value)
    met[id(value)] = value
    found: list[object] = [id(value), type(value)]
    if isinstance(value, torch.Tensor):
        return [*found, tensor_print(value)]
    if isinstance(value, numpy.ndarray):
        found += [value.shape, str(value.dtype), value.tobytes()]
    elif isinstance(value, (bytearray, array.array)):
        found.append(bytes(value))
    elif isinstance(value, GENERATORS):
        return [*found, generator(value)]
    elif isinstance(value, dict):
        found += [(state(k, met), state(v, met)) for k, v in value.items()]
    elif isinstance(value, (list, tuple, collections.deque)):
        found += [state(v, met) for v in value]
    elif isinstance(value, (set, frozenset)):
        found.append(sorted(map(id, value)))
    for slot in getattr(type(value), "__slots__", ()):
        found.append((slot, state(getattr(value, slot, None), met)))
    if not isinstance(value, (collections.OrderedDict, torch.jit.ScriptModule)):
        found += [(k, state(v, met)) for k, v in getattr(value, "__dict__", {}).items()]
    return found


def generator(value):
    """The state of one random generator."""
    if isinstance(value, torch.Generator):
        return bits(value.get_state())
    if isinstance(value, random.Random):
        return value.getstate()
    return repr(value.get_state() if hasattr(value, "get_state") else value.bit_generator.state)
