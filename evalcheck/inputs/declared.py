"""Inputs that the module declares: ``example_inputs()``, Lightning's, transformers' and timm's attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from evalcheck.inputs import arguments
from evalcheck.inputs.call import Call
from evalcheck.inputs.spec import SAMPLES, Spec, floats

NAMES = ("example_inputs", "example_input_array", "dummy_inputs")
# Where the size is free, 128 is enough: the last map of a net that divides by 32 still has 4 x 4 values.
SMALLER = 128
# Multiples of 48 and 64, and of 56: what windows and patches of other nets divide.
ROUND = (192, 224)
# transformers gives every model the same three rows of word ids, pictures' models too.
GENERIC = "transformers.modeling_utils"


def values(model: nn.Module) -> Iterator[tuple[str, list[Call]]]:
    """The tensors that the model holds as its example, in eight samples or, if need be, as they are."""
    for name in NAMES:
        if name == "dummy_inputs" and _is_generic(type(model)):
            continue
        try:
            value = getattr(model, name, None)
            value = value() if callable(value) and not isinstance(value, nn.Module) else value
        except Exception:
            continue
        call = _call(model, value)
        if call is not None:
            enlarged = call.counted(SAMPLES) if call.samples < SAMPLES else call
            yield name, [enlarged, call]


def pictures(model: nn.Module) -> Iterator[tuple[str, list[Call]]]:
    """What timm's configuration says: a smaller picture than the declared one where the size is free."""
    for name in ("pretrained_cfg", "default_cfg"):
        config = getattr(model, name, None)
        size = config.get("input_size") if isinstance(config, Mapping) else None
        if not isinstance(size, (tuple, list)) or not all(isinstance(n, int) for n in size):
            continue
        assert isinstance(config, Mapping)
        argument = next((p.name for p in arguments.required(model)[0]), "x")
        declared = Call({argument: floats(SAMPLES, *size)})
        if len(size) == 3 and not config.get("fixed_input_size") and min(size[1:]) > SMALLER:
            least = config.get("min_input_size")
            side = max([SMALLER, *(least[1:] if isinstance(least, (tuple, list)) else ())])
            spec = floats(SAMPLES, size[0], side, side, free=(2, 3))
            smaller = [Call({argument: spec.resized(n)}) for n in (side, *ROUND) if n < min(size[1:])]
            yield name, [*smaller, declared]
        else:
            yield name, [declared]
        return


def _is_generic(kind: type) -> bool:
    owner = next((base for base in kind.__mro__ if "dummy_inputs" in vars(base)), None)
    return owner is not None and owner.__module__ == GENERIC


def _call(model: nn.Module, value: Any) -> Call | None:
    if isinstance(value, Tensor):
        return Call(_specs({"x": value}))
    if isinstance(value, Mapping) and value and all(isinstance(v, Tensor) for v in value.values()):
        known = set(arguments.names(model))
        return Call(
            _specs({str(k): v for k, v in value.items()}), "keywords" if known & set(value) else "mapping"
        )
    if isinstance(value, (tuple, list)) and value and all(isinstance(v, Tensor) for v in value):
        return Call(_specs({str(index): v for index, v in enumerate(value)}))
    return None


def _specs(tensors: Mapping[str, Tensor]) -> dict[str, Spec]:
    """Tensors with the first one's first dimension are taken to have a row for every sample."""
    first = next(iter(tensors.values()))
    count = first.shape[0] if first.ndim else None
    return {
        name: Spec(
            tuple(tensor.shape),
            tensor.dtype,
            batch=0 if tensor.ndim and tensor.shape[0] == count else None,
            sample=tensor,
        )
        for name, tensor in tensors.items()
    }
