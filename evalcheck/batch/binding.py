"""Tells inputs from targets in what a loader yields, by the signature of the model's forward."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from evalcheck.batch import tree
from evalcheck.batch.batch import Batch
from evalcheck.batch.mappings import TARGETS, spread, target_of
from evalcheck.batch.signature import signature
from evalcheck.complaint import Complaint

Forward = Callable[[nn.Module, Any], Any]

__all__ = ["TARGETS", "Forward", "bind"]


def bind(raw: Any, model: nn.Module, forward: Forward | None = None) -> Batch:
    """What the loader gave, as a call of the model.

    A tensor is the input. Of a sequence, as many items are inputs as ``forward`` requires
    (at least one), further ones too as long as it takes them, and the last is the target. A
    mapping or dataclass is bound to the parameters of that name, or its only tensor to the first one; what
    is named like a target is the target. With a ``forward(model, batch)`` of the user's the batch is
    handed on whole. Raises :class:`Complaint` where nothing in the batch is a tensor.
    """
    if forward is not None:
        return Batch((), {}, _target_of(raw), _size(raw, needed=False), raw, forward)
    size = _size(raw)
    taken = signature(model)
    required, accepted = taken.required, taken.accepted
    if dataclasses.is_dataclass(raw) and not isinstance(raw, type):
        raw = {f.name: getattr(raw, f.name, None) for f in dataclasses.fields(raw)}
    if isinstance(raw, Mapping):
        return spread(dict(raw), taken, size)
    if isinstance(raw, (tuple, list)) and not hasattr(raw, "to"):
        items = list(raw)
        if required > 1 and len(items) == 2 and isinstance(items[0], (tuple, list)):
            items = [*items[0], items[1]]
        count = len(items) - 1 if required <= len(items) - 1 <= accepted else min(required, len(items))
        inputs, targets = items[: max(1, count)], items[max(1, count) :]
        if len(inputs) == 1 and isinstance(inputs[0], Mapping):
            call = spread(dict(inputs[0]), taken, size)
            return dataclasses.replace(call, targets=targets[-1] if targets else call.targets)
        return Batch(tuple(inputs), {}, targets[-1] if targets else None, size)
    return Batch((raw,), {}, None, size)


def _target_of(raw: Any) -> Any:
    if isinstance(raw, Mapping):
        return target_of(raw)
    if isinstance(raw, (tuple, list)) and len(raw) > 1:
        return raw[-1]
    return None


def _size(raw: Any, needed: bool = True) -> int:
    tensors: list[Tensor] = [tensor for _, tensor in tree.leaves(raw) if tensor.ndim > 0]
    if tensors:
        return int(tensors[0].shape[0])
    for count in ("num_graphs", "batch_size"):
        if isinstance(getattr(raw, count, None), int):
            return int(getattr(raw, count))
    if not needed:
        return 1  # the user's own forward knows what to do with it
    kind = type(raw).__name__
    raise Complaint(
        f"a batch of the loader is a {kind} without tensors; yield tensors, (inputs, targets) or a dict of "
        "them, or pass forward(model, batch)"
    )
