"""Loads the weights of a checkpoint file into the model, or says why they do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from evalcheck.cli import weights
from evalcheck.cli.names import some
from evalcheck.cli.weights import Weights
from evalcheck.complaint import Complaint

PREFIXES = ("module.", "_orig_mod.", "model.")
SHOWN = 3


def load(model: nn.Module, file: Path) -> Weights:
    """Fill the model's parameters and buffers; every key has to find its place. What the file holds."""
    held = weights.read(file)
    own = model.state_dict()
    everything = {**held.state, **held.extra}
    state = {name: everything[key] for name, key in own_names(everything, model).items()}
    shapes = [
        f"{key} is {_shape(state[key])} and should be {_shape(value)}"
        for key, value in own.items()
        if key in state and isinstance(value, Tensor) and state[key].shape != value.shape
    ]
    if shapes:
        raise Complaint(f"{file} does not fit the model: {some(shapes, SHOWN)}")
    try:
        outcome = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise Complaint(f"{file} does not fit the model: {error}") from None
    missing = [key for key in outcome.missing_keys if not _is_tied(key, state, own)]
    wrong = [f"missing {some(missing, SHOWN)}"] if missing else []
    wrong += [f"unexpected {some(outcome.unexpected_keys, SHOWN)}"] if outcome.unexpected_keys else []
    if wrong:
        raise Complaint(f"{file} does not fit the model: {'; '.join(wrong)}")
    return held


def own_names(keys: Iterable[str], model: nn.Module) -> dict[str, str]:
    """A file's key for each name in the model: without the prefixes that DataParallel, torch.compile and
    frameworks leave, as far as that helps."""
    own = set(model.state_dict())
    found = {key: key for key in keys}
    for prefix in (*PREFIXES, *(one + two for one in PREFIXES for two in PREFIXES)):
        shorter = {name.removeprefix(prefix): key for name, key in found.items()}
        if len(own & set(shorter)) > len(own & set(found)):
            found = shorter
    return found


def _is_tied(key: str, state: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether it is one tensor with another that the file holds: safetensors keeps one name of several."""
    held = own[key]
    if not isinstance(held, Tensor) or not held.numel():
        return False  # what a module keeps besides may be anything
    others = [own[name] for name in state if isinstance(own.get(name), Tensor)]
    return any(other.data_ptr() == held.data_ptr() and other.shape == held.shape for other in others)


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a scalar"
