"""A sample as named leaves that can be compared: tensors and text, copied out of the dataset's hands."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy
import torch
from torch import Tensor

Leaf = Tensor | str
Sample = dict[str, Leaf]

DEPTH = 8


def freeze(item: Any) -> Sample:
    """The sample's leaves by path, as copies: a dataset may hand out one tensor again and again."""
    return dict(_leaves(item, "", 0))


def rows(batch: Any) -> list[Sample]:
    """A batch cut into its samples; the batch as one sample where its parts do not share a length."""
    leaves = freeze(batch)
    tensors = {path: leaf for path, leaf in leaves.items() if isinstance(leaf, Tensor)}
    lengths = {leaf.shape[0] if leaf.ndim else -1 for leaf in tensors.values()}
    if len(lengths) != 1 or (length := lengths.pop()) < 1:
        return [leaves]
    return [{path: leaf[row] for path, leaf in tensors.items()} for row in range(length)]


def numeric(sample: Sample) -> bool:
    """Whether there is anything in the sample that a model could compute with."""
    return any(isinstance(leaf, Tensor) for leaf in sample.values())


def digest(sample: Sample) -> bytes:
    """The same for equal samples, whatever their order in the stream."""
    print_ = hashlib.blake2b(digest_size=16)
    for path, leaf in sample.items():
        print_.update(path.encode("utf8", "replace"))
        if isinstance(leaf, Tensor):
            print_.update(f"{leaf.dtype}{tuple(leaf.shape)}".encode())
            print_.update(leaf.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        else:
            print_.update(leaf.encode("utf8", "replace"))
    return print_.digest()


def weight(sample: Sample) -> int:
    """Bytes held by the sample's tensors."""
    return sum(leaf.nbytes for leaf in sample.values() if isinstance(leaf, Tensor))


def _leaves(item: Any, path: str, depth: int) -> Iterator[tuple[str, Leaf]]:
    leaf = _leaf(item)
    if leaf is not None:
        yield path, leaf
    elif depth >= DEPTH:
        return
    elif isinstance(item, Mapping):
        for key, value in item.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(item, (list, tuple)):
        for index, value in enumerate(item):
            yield from _leaves(value, f"{path}[{index}]", depth + 1)
    else:
        for name, value in _fields(item).items():
            yield from _leaves(value, f"{path}.{name}" if path else name, depth + 1)


def _leaf(item: Any) -> Leaf | None:
    if isinstance(item, Tensor):
        dense = item.detach().to_dense() if item.layout != torch.strided else item.detach()
        return dense.cpu().clone()
    if isinstance(item, (bool, int, float, complex)):
        return _number(item)
    if isinstance(item, (str, bytes)):
        return str(item)
    if isinstance(item, (numpy.ndarray, numpy.generic)) or hasattr(item, "__array_interface__"):
        # Images of PIL come this way too.
        array = numpy.array(item)
        native = array.astype(array.dtype.newbyteorder("="))
        return torch.from_numpy(native) if array.dtype.kind in "biufc" else str(array.tolist())
    return None


def _number(item: complex) -> Leaf:
    try:
        return torch.tensor(item, dtype=torch.complex128 if isinstance(item, complex) else torch.float64)
    except OverflowError:
        return str(item)


def _fields(item: Any) -> dict[str, Any]:
    """The parts of an object of an unknown class: a dataclass, a graph, a bag of attributes."""
    if isinstance(item, type):
        return {}
    if dataclasses.is_dataclass(item):
        return {f.name: getattr(item, f.name) for f in dataclasses.fields(item)}
    if callable(getattr(item, "to_dict", None)):
        try:
            fields = item.to_dict()
        except Exception:
            # A to_dict of another meaning: the attributes still say what is inside.
            fields = None
        if isinstance(fields, dict):
            return fields
    # A function or a network; a graph that can be called has told its fields above.
    if callable(item):
        return {}
    return dict(getattr(item, "__dict__", {}))
