"""Tensors that keep their identity: put back by value, with gradient, hooks and version."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from evalcheck.guard.bits import same_bits
from evalcheck.guard.undo import Undo

LAZY = (UninitializedParameter, UninitializedBuffer)
HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")


def note(tensor: Tensor) -> list[Undo]:
    """Steps, the last to be taken first: memory and values before what hangs on them."""
    undo: list[Undo] = [partial(_version, tensor, *_versions(tensor))]
    if tensor.is_leaf:
        undo += [partial(_hooks, tensor, name, *_hooked(tensor, name)) for name in HOOKS]
        undo.append(partial(_gradient, tensor, tensor.grad))
    undo.append(partial(_requirement, tensor, tensor.requires_grad, tensor.is_leaf))
    undo.append(partial(_fields, tensor, dict(tensor.__dict__)))
    undo.append(partial(setattr, tensor, "__class__", type(tensor)) if isinstance(tensor, LAZY) else _nothing)
    values = _values(tensor)
    return undo if values is None else [*undo, values]


def _values(tensor: Tensor) -> Undo | None:
    if isinstance(tensor, LAZY):
        return partial(setattr, tensor, "data", tensor.data)
    try:
        # The first shares the memory that the tensor has now, the second keeps its values.
        return partial(_put_back, tensor, tensor.detach(), tensor.detach().clone())
    except (NotImplementedError, TypeError):
        return None  # A tensor of a foreign kind that cannot be copied.


def _put_back(tensor: Tensor, memory: Tensor, copy: Tensor) -> None:
    with torch.inference_mode() if tensor.is_inference() else torch.no_grad():
        if not _same_memory(tensor, memory):
            tensor.data = memory
        if _same(tensor.detach(), copy):
            return
        if memory.layout is torch.strided and not memory.is_nested:
            _write(memory, copy)
        else:
            _exchange(tensor, copy)


def _exchange(tensor: Tensor, copy: Tensor) -> None:
    tensor.data = copy
    if not _same(tensor.detach(), copy):
        # Compressed sparse layouts keep their parts through that.
        tensor.copy_(copy)


def _same(one: Tensor, two: Tensor) -> bool:
    try:
        return same_bits(one, two)
    except (RuntimeError, TypeError, KeyError):
        return False  # A kind of tensor that is not known here is written in any case.


def _write(memory: Tensor, copy: Tensor) -> None:
    # An expanded tensor has one value in many places, which copy_ refuses to write.
    once = tuple(0 if step == 0 else slice(None) for step in memory.stride())
    memory[once].data.copy_(copy[once])


def _same_memory(one: Tensor, two: Tensor) -> bool:
    if {one.layout, two.layout} != {torch.strided} or one.is_nested or one.dtype != two.dtype:
        return False
    same = one.shape == two.shape and one.stride() == two.stride() and one.device == two.device
    return same and (one.is_meta or one.data_ptr() == two.data_ptr())


def _versions(tensor: Tensor) -> tuple[Any, ...]:
    if not isinstance(tensor, LAZY) and tensor.is_inference():
        return ()
    return (tensor._version, torch.autograd.grad_mode._unsafe_preserve_version_counter(tensor))


def _version(tensor: Tensor, before: int | None = None, keeper: Any = None) -> None:
    # The values are those that the version stood for: a pending backward pass may go on.
    if before is not None and tensor._version != before:
        keeper.__exit__()


def _requirement(tensor: Tensor, required: bool, leaf: bool) -> None:
    if leaf and not tensor.is_leaf:
        tensor.detach_()
    if tensor.is_leaf and tensor.requires_grad != required:
        tensor.requires_grad_(required)


def _gradient(tensor: Tensor, gradient: Tensor | None) -> None:
    if tensor.grad is not gradient:
        tensor.grad = gradient


def _hooked(tensor: Tensor, name: str) -> tuple[Any, Any]:
    hooks = getattr(tensor, name, None)
    return hooks, None if hooks is None else dict(hooks)


def _hooks(tensor: Tensor, name: str, hooks: Any, content: Any) -> None:
    if getattr(tensor, name, None) is not hooks:
        setattr(tensor, name, hooks)
    if hooks is not None and list(hooks.items()) != list(content.items()):
        hooks.clear()
        hooks.update(content)


def _fields(tensor: Tensor, content: dict[str, Any]) -> None:
    if tensor.__dict__ or content:
        tensor.__dict__.clear()
        tensor.__dict__.update(content)


def _nothing() -> None:
    """There is nothing to put back."""
