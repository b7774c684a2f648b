"""Nested containers of tensors: mappings, sequences, named tuples, dataclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


def map_tensors(change: Callable[[Tensor], Any], tree: Any) -> Any:
    """The same containers with every tensor changed; other leaves as they are.

    Mappings of unknown classes become dicts, so that nothing of theirs is run.
    """
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, Mapping):
        return {key: map_tensors(change, value) for key, value in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(map_tensors(change, value) for value in tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(map_tensors(change, value) for value in tree)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        fields = {f.name: getattr(tree, f.name) for f in dataclasses.fields(tree) if f.init}
        return dataclasses.replace(tree, **{k: map_tensors(change, v) for k, v in fields.items()})
    return tree


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor with its path, such as ``logits`` or ``boxes[0]``, in a fixed order."""
    if isinstance(tree, Tensor):
        yield path, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, (list, tuple)):
        for index, value in enumerate(tree):
            yield from leaves(value, f"{path}[{index}]")
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        for field in dataclasses.fields(tree):
            yield from leaves(getattr(tree, field.name, None), f"{path}.{field.name}" if path else field.name)


def moved(tree: Any, device: torch.device) -> Any:
    """Every tensor on ``device``; objects with a ``to`` of their own are asked to move."""
    if hasattr(tree, "to") and not isinstance(tree, (Tensor, Mapping, list, tuple)):
        return tree.to(device)
    return map_tensors(lambda t: t.to(device), tree)


def shapes(tree: Any) -> str:
    """The tree's tensors for people: ``x 8x3x32x32 float32, y 8 int64``."""

    def one(path: str, tensor: Tensor) -> str:
        shape = "x".join(map(str, tensor.shape)) or "scalar"
        return f"{path} {shape} {str(tensor.dtype).removeprefix('torch.')}".strip()

    return ", ".join(one(path, tensor) for path, tensor in leaves(tree)) or type(tree).__name__
