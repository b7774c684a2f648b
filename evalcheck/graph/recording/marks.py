"""What the recorder knows of torch's functions by name, and the two functions of its own."""

from __future__ import annotations

from torch import Tensor

FAULT = "a fault of evalcheck itself kept it from being recorded"
NUMPY = "a value left for numpy and came back: what happened to it there is not seen"
UNSEEN = "a tensor came out of code that torch functions do not see, such as a scripted function"
WRITTEN = "a tensor was written to by code that torch functions do not see"
THREADED = "a part of it runs in another thread: what happens there is not seen"
SCRIPTED = "the module is scripted or traced: what happens inside it is not seen"

# Questions about a tensor: they make none and write none, and are asked more often than anything else.
_METADATA = (
    *("size", "dim", "ndimension", "numel", "nelement", "stride", "storage_offset", "element_size"),
    *("is_floating_point", "is_complex", "is_contiguous", "is_inference", "is_signed", "is_conj", "is_neg"),
    *("get_device", "data_ptr", "untyped_storage", "requires_grad_", "has_names", "__len__", "__hash__"),
    *("__repr__", "__format__", "is_nonzero", "is_same_size", "is_shared", "is_pinned", "result_type"),
)

# These hand a value to Python, which may go another way for another batch.
_VALUES = ("__bool__", "__int__", "__float__", "__index__", "__complex__", "item", "equal", "allclose")
TO_NUMPY = frozenset({"numpy", "__array__", "tolist"})
FROM_DATA = frozenset({"as_tensor", "tensor", "asarray", "from_numpy", "frombuffer"})
DECIDING = frozenset({*_VALUES, *TO_NUMPY})
ASKING = frozenset({*_METADATA, *DECIDING, "backward"})

# Functions that never draw: asking the generators after each of them would be a fifth of the cost.
STEADY = frozenset(
    (
        *("linear", "matmul", "__matmul__", "bmm", "einsum", "softmax", "log_softmax", "sigmoid", "tanh"),
        *("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "embedding"),
        *("add", "sub", "mul", "div", "__add__", "__sub__", "__mul__", "__truediv__", "__rsub__", "__neg__"),
        *(
            "add_",
            "mul_",
            "__radd__",
            "__rmul__",
            "__rtruediv__",
            "__iadd__",
            "__imul__",
            "pow",
            "sqrt",
            "rsqrt",
        ),
        *(
            "relu",
            "relu_",
            "gelu",
            "silu",
            "elu",
            "leaky_relu",
            "hardtanh",
            "hardswish",
            "hardsigmoid",
            "exp",
        ),
        *("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "mean", "sum", "max", "min"),
        *("max_pool2d", "avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "interpolate", "pad"),
        *(
            "view",
            "reshape",
            "permute",
            "transpose",
            "flatten",
            "squeeze",
            "unsqueeze",
            "expand",
            "contiguous",
        ),
        *("chunk", "split", "unbind", "cat", "stack", "__getitem__", "__setitem__", "to", "float", "clone"),
        *("__get__", "__set__", "masked_fill", "where", "cos", "sin", "arange", "zeros", "ones", "detach"),
        *("rsqrt", "exp", "contiguous"),
    )
)

# In eval mode these return their very input; the caller gets an alias then, or later uses of the input
# would seem to pass through them.
DROPPING = frozenset(
    ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
)


def after(tensor: Tensor, writer: object) -> Tensor:
    """``tensor`` as it is after ``writer`` wrote into its memory: makes mutation an ordinary edge."""
    return tensor


def opaque(*inputs: Tensor) -> None:
    """Stands for code that torch functions do not see: scripted parts, custom kernels, numpy."""
