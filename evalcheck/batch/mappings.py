"""Which entries of a mapping are the model's inputs, which its target, and which are neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcheck.batch import tree
from evalcheck.batch.batch import Batch
from evalcheck.batch.signature import Signature

TARGETS = ("labels", "label", "targets", "target", "y")
WAYS_OUT = (
    "name forward's parameters like the keys, yield (inputs, targets), or pass "
    "forward=lambda model, batch: … in Python"
)


def spread(raw: dict[Any, Any], forward: Signature, size: int) -> Batch:
    """The entries that are named like forward's parameters, else the only one that holds tensors.

    Names and file paths travel in many batches: what holds no tensor is passed only where a parameter
    has its name. A mapping of several tensors that match no name is handed on whole, as a forward that
    looks its inputs up by key wants it; where the model refuses that, the batch's ``doubt`` is told.
    """
    target = target_of(raw)
    named = {key: value for key, value in raw.items() if key in forward.names}
    rest = {k: v for k, v in raw.items() if k not in named and k not in TARGETS and _holds_tensors(v)}
    missing = [name for name in forward.names[: forward.required] if name not in named]
    inputs = set(named) - set(TARGETS)
    if any(map(_holds_tensors, named.values())) and (inputs or not missing):
        more = {k: v for k, v in rest.items() if isinstance(k, str)} if forward.keywords else {}
        doubt = _doubt(raw, f"only {', '.join(named)} was passed") if missing else ""
        return Batch((), more | named, target, size, doubt=doubt)
    if len(rest) == 1 and forward.required <= 1 and forward.accepted and not forward.whole:
        ((key, value),) = rest.items()
        taken = {k: v for k, v in named.items() if k in TARGETS}
        left_out = set(raw) - {key, *TARGETS}
        doubt = _doubt(raw, f"{key} alone was passed") if left_out else ""
        return Batch((value,), taken, target, size, doubt=doubt)
    if forward.keywords and rest and all(isinstance(key, str) for key in rest):
        return Batch((), rest, target, size, doubt=_doubt(raw, "the rest was passed by name"))
    return Batch((raw,), {}, target, size, doubt=_doubt(raw, "the model was given the whole mapping"))


def target_of(raw: Mapping[Any, Any]) -> Any:
    """The first entry that is named like a target."""
    return next((raw[name] for name in TARGETS if name in raw), None)


def _holds_tensors(value: Any) -> bool:
    # Graphs and the like are asked for their device and hold tensors of which nothing is known here.
    return next(tree.leaves(value), None) is not None or hasattr(value, "to")


def _doubt(raw: dict[Any, Any], done: str) -> str:
    keys, targets = ", ".join(map(str, raw)), [name for name in TARGETS if name in raw]
    taken = f"{', '.join(targets)} was taken for the target" if targets else "none was taken for the target"
    return f"the batch has the keys {keys}: {taken}, and {done}; {WAYS_OUT}"
