"""An input for a model that comes without a loader, from what the model itself declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch.batch import Batch
from evalcheck.batch.binding import bind

SAMPLES = 8


def example(model: nn.Module, inputs: Sequence[Tensor] = (), seed: int = 0) -> tuple[Batch, str] | None:
    """A batch that was made up, and where it comes from; None if nothing tells what it should be.

    In this order: the given ``inputs`` (one per positional argument), ``example_inputs()``,
    ``example_input_array`` (Lightning), ``dummy_inputs`` (transformers), ``pretrained_cfg`` (timm).
    """
    if inputs:
        return Batch(tuple(inputs), {}, None, inputs[0].shape[0]), "--input"
    for name in ("example_inputs", "example_input_array", "dummy_inputs"):
        value = getattr(model, name, None)
        value = value() if callable(value) and not isinstance(value, nn.Module) else value
        if isinstance(value, (Tensor, Mapping)):
            return bind(value, model), name
        if isinstance(value, (tuple, list)) and value and isinstance(value[0], Tensor):
            return Batch(tuple(value), {}, None, value[0].shape[0]), name
    shape = _timm_shape(getattr(model, "pretrained_cfg", None))
    if shape is not None:
        draw = torch.Generator().manual_seed(seed)
        return Batch((torch.randn(SAMPLES, *shape, generator=draw),), {}, None, SAMPLES), "pretrained_cfg"
    return None


def _timm_shape(config: Any) -> tuple[int, ...] | None:
    size = config.get("input_size") if isinstance(config, Mapping) else None
    return tuple(size) if isinstance(size, (tuple, list)) and all(isinstance(n, int) for n in size) else None
