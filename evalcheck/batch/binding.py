"""Tells inputs from targets in what a loader yields, by the signature of the model's forward."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from evalcheck.batch import tree
from evalcheck.batch.batch import Batch
from evalcheck.complaint import Complaint

Forward = Callable[[nn.Module, Any], Any]

TARGETS = ("labels", "label", "targets", "target", "y")


def bind(raw: Any, model: nn.Module, forward: Forward | None = None) -> Batch:
    """What the loader gave, as a call of the model.

    A tensor is the input. Of a sequence, as many items are inputs as ``forward`` requires
    (at least one), further ones too as long as it takes them, and the last is the target. A
    mapping or dataclass is bound to the parameters of that name; what is named like a target and
    is no parameter is the target. With a ``forward(model, batch)`` of the user's the batch is
    handed on whole. Raises :class:`Complaint` where nothing in the batch is a tensor.
    """
    if forward is not None:
        return Batch((), {}, _target_of(raw), _size(raw, needed=False), raw, forward)
    size = _size(raw)
    names, required, accepted, keywords = _signature(model)
    if dataclasses.is_dataclass(raw) and not isinstance(raw, type):
        raw = {f.name: getattr(raw, f.name, None) for f in dataclasses.fields(raw)}
    if isinstance(raw, Mapping):
        return _mapping(dict(raw), names, required, keywords, size)
    if isinstance(raw, (tuple, list)) and not hasattr(raw, "to"):
        items = list(raw)
        if required > 1 and len(items) == 2 and isinstance(items[0], (tuple, list)):
            items = [*items[0], items[1]]
        count = len(items) - 1 if required <= len(items) - 1 <= accepted else min(required, len(items))
        inputs, targets = items[: max(1, count)], items[max(1, count) :]
        if len(inputs) == 1 and isinstance(inputs[0], Mapping):
            call = _mapping(dict(inputs[0]), names, required, keywords, size)
            return dataclasses.replace(call, targets=targets[-1] if targets else call.targets)
        return Batch(tuple(inputs), {}, targets[-1] if targets else None, size)
    return Batch((raw,), {}, None, size)


def _mapping(raw: dict[str, Any], names: list[str], required: int, keywords: bool, size: int) -> Batch:
    target = _target_of(raw)
    bound = {k: v for k, v in raw.items() if k in names}
    if len(bound) >= required or set(bound) - set(TARGETS):
        rest = {k: v for k, v in raw.items() if keywords and k not in TARGETS}
        return Batch((), rest | bound, target, size)
    inputs = {k: v for k, v in raw.items() if k not in TARGETS}
    if len(inputs) == 1 and required <= 1:
        return Batch((next(iter(inputs.values())),), {}, target, size)
    if keywords:
        return Batch((), inputs, target, size)
    return Batch((raw,), {}, target, size)


def _target_of(raw: Any) -> Any:
    if isinstance(raw, Mapping):
        return next((raw[name] for name in TARGETS if name in raw), None)
    if isinstance(raw, (tuple, list)) and len(raw) > 1:
        return raw[-1]
    return None


def _signature(model: nn.Module) -> tuple[list[str], int, float, bool]:
    """Names, how many positional arguments are required and accepted, whether ``**kwargs`` is there."""
    module = getattr(model, "module", model) if type(model).__name__.endswith("Parallel") else model
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return [], 1, 1, False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = sum(p.default is p.empty for p in positional)
    star = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    keywords = any(p.kind is p.VAR_KEYWORD for p in parameters)
    # A bare forward(*inputs) says nothing: one input is what it nearly always gets.
    accepted = len(positional) if positional or not star else 1
    return names, max(required, 1), accepted, keywords


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
