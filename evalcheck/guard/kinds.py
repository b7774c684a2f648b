"""What the guard can do with an object, told from its class alone."""

from __future__ import annotations

import array
import collections
import random
import sys
import types
from collections.abc import Callable
from enum import Enum, auto
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


class Kind(Enum):
    """How an object is noted; ``ATOM`` is not noted, and nothing behind it is looked at."""

    ATOM = auto()
    MODULE = auto()
    TENSOR = auto()
    MAPPING = auto()
    SEQUENCE = auto()
    SET = auto()
    FROZEN = auto()
    BYTES = auto()
    ARRAY = auto()
    GENERATOR = auto()
    METHOD = auto()
    OBJECT = auto()


BY_BASE: tuple[tuple[tuple[type, ...], Kind], ...] = (
    ((nn.Module,), Kind.MODULE),
    ((Tensor,), Kind.TENSOR),
    ((dict,), Kind.MAPPING),
    ((list, collections.deque), Kind.SEQUENCE),
    ((set,), Kind.SET),
    ((tuple, frozenset), Kind.FROZEN),
    ((bytearray, array.array), Kind.BYTES),
    ((torch.Generator, random.Random), Kind.GENERATOR),
    ((types.MethodType,), Kind.METHOD),
)
ATOMS = (type, str, bytes, int, float, complex, types.FunctionType, types.ModuleType, Dataset, DataLoader)
# Machinery: its state is no part of a model, is large, or must not be set from outside.
MACHINERY = frozenset(
    """
    torch.fx torch._C torch._dynamo torch._inductor torch._guards torch._subclasses torch._ops
    torch._functorch torch.jit torch.optim torch.utils.data torch.utils.tensorboard torch.distributed
    torch.cuda torch.multiprocessing torch.profiler torch.autograd threading _thread io _io socket
    subprocess multiprocessing concurrent asyncio logging enum functools weakref pathlib re evalcheck
    """.split()  # noqa: SIM905
)


def _kind(cls: type) -> Kind:
    """The kind of this class's objects."""
    for bases, found in BY_BASE:
        if issubclass(cls, bases):
            return found
    if issubclass(cls, ATOMS) or any(_is_machinery(base.__module__) for base in cls.__mro__):
        return Kind.ATOM
    if issubclass(cls, numpy_classes("memmap")):
        # A file on disk, not memory of the model's.
        return Kind.ATOM
    if issubclass(cls, numpy_classes("ndarray")):
        return Kind.ARRAY
    if issubclass(cls, numpy_classes("random.Generator", "random.RandomState", "random.BitGenerator")):
        return Kind.GENERATOR
    return Kind.OBJECT if cls.__dictoffset__ or _slots(cls) else Kind.ATOM


def _slots(cls: type) -> tuple[types.MemberDescriptorType, ...]:
    """The descriptors of the ``__slots__`` that python classes among its bases declare."""
    return tuple(
        member
        for base in cls.__mro__
        if "__slots__" in vars(base)
        for member in vars(base).values()
        if isinstance(member, types.MemberDescriptorType)
    )


def numpy_classes(*names: str) -> tuple[type, ...]:
    """numpy's classes of these names; none where numpy was never imported."""
    found: list[type] = []
    for name in names if "numpy" in sys.modules else ():
        room, _, last = ("numpy." + name).rpartition(".")
        cls = getattr(sys.modules.get(room), last, None)
        found += [cls] if isinstance(cls, type) else []
    return tuple(found)


def _is_machinery(room: object) -> bool:
    parts = room.split(".") if isinstance(room, str) else []
    return any(".".join(parts[:depth]) in MACHINERY for depth in range(1, len(parts) + 1))


# Asked for every value: told once for each class.
kind: Callable[[type], Kind] = lru_cache(maxsize=4096)(_kind)
slots: Callable[[type], tuple[types.MemberDescriptorType, ...]] = lru_cache(maxsize=4096)(_slots)
