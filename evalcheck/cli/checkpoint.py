"""Loads the weights of a checkpoint file into the model, or says why they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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
    keys = own_names(held, model)
    state = {name: held.state[key] for name, key in keys.items()}
    own = model.state_dict()
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


def own_names(held: Weights, model: nn.Module) -> dict[str, str]:
    """The file's key for each name in the model: without the prefixes that DataParallel, torch.compile and
    frameworks leave, as far as that helps."""
    own = set(model.state_dict())
    found = {key: key for key in held.state}
    for prefix in (*PREFIXES, *(one + two for one in PREFIXES for two in PREFIXES)):
        shorter = {name.removeprefix(prefix): key for name, key in found.items()}
        if len(own & set(shorter)) > len(own & set(found)):
            found = shorter
    return found


def _is_tied(key: str, state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> bool:
    """Whether it is one tensor with another that the file holds: safetensors keeps one name of several."""
    held = own[key]
    return any(
        name in own and own[name].data_ptr() == held.data_ptr() and own[name].shape == held.shape
        for name in (state if held.numel() else ())
    )


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a scalar"
