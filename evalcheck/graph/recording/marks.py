"""What the recorder knows of torch's functions by name, and the two functions of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

Function = Callable[..., Any]

NUMPY = "a value left for numpy and came back: what happened to it there is not seen"
THREADED = "a part of it runs in another thread: what happens there is not seen"
SCRIPTED = "the module is scripted or traced: what happens inside it is not seen"

# Questions about a tensor: they make none and write none, and are asked more often than anything else.
_METADATA = (
    *(
        "size",
        "dim",
        "ndimension",
        "numel",
        "nelement",
        "stride",
        "storage_offset",
        "element_size",
        "__len__",
    ),
    *("is_floating_point", "is_complex", "is_contiguous", "is_inference", "is_signed", "is_conj", "is_neg"),
    *("get_device", "data_ptr", "untyped_storage", "requires_grad_", "has_names", "__len__", "__hash__"),
    *("__repr__", "__format__", "is_nonzero", "is_same_size", "is_shared", "is_pinned", "result_type"),
)

# These hand a value to Python, which may go another way for another batch.
_VALUES = ("__bool__", "__int__", "__float__", "__index__", "__complex__", "item", "equal", "allclose")
TO_NUMPY = frozenset({"numpy", "__array__", "tolist"})
FROM_DATA = frozenset({"as_tensor", "tensor", "asarray", "from_numpy", "frombuffer"})
DECIDING = frozenset({*_VALUES, *TO_NUMPY})
ASKING = frozenset({*_METADATA, *DECIDING})

# These return their very input where there is nothing to do (dropout in eval mode, a cast to the
# same type); the caller gets an alias then, or later uses of the input would seem to pass through.
MAY_RETURN_INPUT = frozenset(
    [
        *("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"),
        *("contiguous", "to", "type", "type_as", "float", "double", "half", "bfloat16", "long", "int", "cpu"),
    ]
)


def after(tensor: Tensor, writer: object) -> Tensor:
    """``tensor`` as it is after ``writer`` wrote into its memory: makes mutation an ordinary edge."""
    return tensor


def opaque(*inputs: Tensor) -> None:
    """Stands for code that torch functions do not see: scripted parts, custom kernels, numpy."""


def may_alias(result: Tensor) -> bool:
    """Whether an alias may stand in for the tensor."""
    # A leaf that requires grad must keep its identity: its gradient is looked up on it.
    return type(result) is Tensor and not (result.is_leaf and result.requires_grad)


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
    return function, name, args
