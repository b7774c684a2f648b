"""Reads files of weights, torch's and safetensors', without running code."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evalcheck.cli.names import some
from evalcheck.complaint import Complaint

WRAPPERS = ("state_dict", "model", "model_state_dict")
SAFETENSORS = ".safetensors"
EXTRA = "_extra_state"
SHOWN = 3
NO_SAFETENSORS = "needs safetensors: pip install 'torch-evalcheck[safetensors]'"


@dataclass
class Weights:
    """``data`` is all that a file holds, ``state`` the mapping of names to tensors in it.

    The tensors of ``state`` are those of ``data``: writing into them changes both. ``extra`` is what modules
    keep in a state_dict that is no tensor (``get_extra_state``), ``metadata`` a safetensors file's own words.
    """

    data: Any
    state: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def wrapped(self) -> list[str]:
        """What the file holds that is no tensor of a state_dict, by key."""
        plain = isinstance(self.data, Mapping) and any(isinstance(v, Tensor) for v in self.data.values())
        inside = [] if plain or not isinstance(self.data, Mapping) else self.data
        return [*(str(key) for key in inside if key not in WRAPPERS), *self.extra]


def read(file: Path) -> Weights:
    """The weights in a file, by its name a safetensors or a torch one. Raises :class:`Complaint`."""
    if file.suffix == SAFETENSORS:
        return _safetensors(file)
    data = _torch(file)
    inside = _state(data, file)
    return Weights(
        data,
        {str(key): value for key, value in inside.items() if isinstance(value, Tensor)},
        extra={str(key): value for key, value in inside.items() if is_extra(key, value)},
    )


def is_extra(key: object, value: object) -> bool:
    """Whether this entry of a state_dict is what a module's ``get_extra_state`` gave, and no tensor."""
    return str(key).rpartition(".")[2] == EXTRA and not isinstance(value, Tensor)


def _torch(file: Path) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Complaint(f"{file} cannot be read ({error.strerror})") from None
    except pickle.UnpicklingError:
        raise Complaint(
            f"{file} cannot be loaded with weights_only=True, which runs no code; save model.state_dict()"
        ) from None
    except Exception:  # what is no checkpoint makes zipfile, tarfile, struct or pickle stumble anywhere
        raise Complaint(f"{file} is not a checkpoint that torch.load understands") from None


def _safetensors(file: Path) -> Weights:
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError:
        raise Complaint(f"{file} {NO_SAFETENSORS}") from None
    try:
        with safe_open(file, framework="pt", device="cpu") as held:
            state = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
            metadata = dict(held.metadata() or {})
    except OSError as error:
        raise Complaint(f"{file} cannot be read ({error.strerror or 'No such file or directory'})") from None
    except SafetensorError:
        raise Complaint(f"{file} is not a safetensors file") from None
    if not state:
        raise Complaint(f"{file} holds no tensors")
    return Weights(state, state, metadata)


def _state(data: Any, file: Path) -> Mapping[Any, Any]:
    """The mapping of names to tensors, out of the usual wrappers."""
    inside = data
    while isinstance(inside, Mapping) and (name := next((w for w in WRAPPERS if _wrapped(inside, w)), None)):
        inside = inside[name]
    if not isinstance(inside, Mapping) or not any(isinstance(value, Tensor) for value in inside.values()):
        keys = [str(key) for key in inside] if isinstance(inside, Mapping) else []
        told = f" with the keys {some(keys, SHOWN)}" if keys else ""
        raise Complaint(f"{file} holds a {type(inside).__name__}{told}, not a state_dict")
    return inside


def _wrapped(data: Mapping[Any, Any], name: str) -> bool:
    return isinstance(data.get(name), Mapping)
