"""Loads the weights of a checkpoint file into the model, or says why they do not fit."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.cli.names import some
from evalcheck.complaint import Complaint

WRAPPERS = ("state_dict", "model", "model_state_dict")
PREFIXES = ("module.", "_orig_mod.", "model.")
SHOWN = 3


def load(model: nn.Module, file: Path) -> None:
    """Fill the model's parameters and buffers; every key has to find its place."""
    state = _fitting(_state(_read(file), file), model)
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
    wrong = [f"missing {some(outcome.missing_keys, SHOWN)}"] if outcome.missing_keys else []
    wrong += [f"unexpected {some(outcome.unexpected_keys, SHOWN)}"] if outcome.unexpected_keys else []
    if wrong:
        raise Complaint(f"{file} does not fit the model: {'; '.join(wrong)}")


def _read(file: Path) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Complaint(f"{file} cannot be read ({error.strerror})") from None
    except pickle.UnpicklingError:
        raise Complaint(
            f"{file} cannot be loaded with weights_only=True, which runs no code; save model.state_dict()"
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError):
        raise Complaint(f"{file} is not a checkpoint that torch.load understands") from None


def _state(data: Any, file: Path) -> dict[str, Tensor]:
    """The mapping of names to tensors, out of the usual wrappers."""
    inside = data
    while isinstance(inside, Mapping) and (name := next((w for w in WRAPPERS if _wrapped(inside, w)), None)):
        inside = inside[name]
    if not isinstance(inside, Mapping) or not any(isinstance(value, Tensor) for value in inside.values()):
        keys = (
            f" with the keys {some([str(key) for key in inside], SHOWN)}"
            if isinstance(inside, Mapping)
            else ""
        )
        raise Complaint(f"{file} holds a {type(inside).__name__}{keys}, not a state_dict")
    return {str(key): value for key, value in inside.items() if isinstance(value, Tensor)}


def _wrapped(data: Mapping[Any, Any], name: str) -> bool:
    return isinstance(data.get(name), Mapping)


def _fitting(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Without the prefixes that DataParallel, torch.compile and frameworks leave, as far as that helps."""
    own = set(model.state_dict())
    for prefix in (*PREFIXES, *(one + two for one in PREFIXES for two in PREFIXES)):
        shorter = {key.removeprefix(prefix): value for key, value in state.items()}
        if len(own & set(shorter)) > len(own & set(state)):
            state = shorter
    return state


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a scalar"
