"""Files of weights: reads torch's and safetensors' without running code, writes them whole or not at all."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import torch
from torch import Tensor

from evalcheck.cli.names import some
from evalcheck.complaint import Complaint

WRAPPERS = ("state_dict", "model", "model_state_dict")
TORCH, SAFETENSORS = (".pt", ".pth", ".bin", ".ckpt"), ".safetensors"
SHOWN = 3
NO_SAFETENSORS = "needs safetensors: pip install 'torch-evalcheck[safetensors]'"


@dataclass
class Weights:
    """``data`` is all that a file holds, ``state`` the mapping of names to tensors in it.

    The tensors of ``state`` are those of ``data``: writing into them changes both. ``metadata`` are a
    safetensors file's own words.
    """

    data: Any
    state: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def wrapped(self) -> list[str]:
        """What the file holds beside its state_dict, by key."""
        plain = isinstance(self.data, Mapping) and any(isinstance(v, Tensor) for v in self.data.values())
        inside = [] if plain or not isinstance(self.data, Mapping) else self.data
        return [str(key) for key in inside if key not in WRAPPERS]


def read(file: Path) -> Weights:
    """The weights in a file, by its name a safetensors or a torch one. Raises :class:`Complaint`."""
    if file.suffix == SAFETENSORS:
        return _safetensors(file)
    data = _torch(file)
    return Weights(data, _state(data, file))


def _torch(file: Path) -> Any:
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


def demand_writable(file: Path, source: Path | None, force: bool) -> None:
    """Raise :class:`Complaint` for a name that cannot or must not be written, before a long run."""
    if file.suffix not in (*TORCH, SAFETENSORS):
        kinds = ", ".join((SAFETENSORS, *TORCH))
        raise Complaint(f"{file}: the name must end in one of {kinds}, which says the format")
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise Complaint(f"{file} is a folder or is in a folder that does not exist")
    if file.suffix == SAFETENSORS:
        try:
            import safetensors  # noqa: F401
        except ModuleNotFoundError:
            raise Complaint(f"{file} {NO_SAFETENSORS}") from None
    if force or not file.exists():
        return
    if source is not None and source.exists() and file.samefile(source):
        raise Complaint(f"{file} is the checkpoint that is read: name another --output, or pass --force")
    raise Complaint(f"{file} exists: name another --output, or pass --force to write over it")


def write(held: Weights, file: Path) -> list[str]:
    """All of it into the file at once: until it is complete the old one stays. What got lost, in words.

    torch's format keeps everything; safetensors holds tensors alone, none of which may share memory.
    Raises :class:`Complaint` where it cannot be written; nothing is left behind then.
    """
    if file.suffix != SAFETENSORS:
        _at_once(file, lambda out: torch.save(held.data, out))
        return []
    from safetensors.torch import save

    told = (
        [f"left out, since safetensors holds tensors alone: {', '.join(held.wrapped)}"]
        if held.wrapped
        else []
    )
    state, twice = _apart(held.state)
    if twice:
        told.append(f"tied tensors, which safetensors cannot tie, are written out each: {some(twice, SHOWN)}")
    _at_once(file, lambda out: out.write(save(state, held.metadata or {"format": "pt"})))
    return told


def _apart(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors that share no memory, each in one piece, and the names of those that shared some."""
    owners: dict[int, str] = {}
    found, twice = {}, []
    for name, tensor in state.items():
        first = owners.setdefault(tensor.untyped_storage().data_ptr(), name) if tensor.numel() else name
        if first != name:
            twice.append(name)
        whole = (
            tensor.is_contiguous()
            and tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes()
        )
        found[name] = (
            tensor
            if whole and first == name
            else tensor.detach().clone(memory_format=torch.contiguous_format)
        )
    return found, twice


def _at_once(file: Path, put: Callable[[IO[bytes]], object]) -> None:
    place = Path(os.path.realpath(file))
    part = place.with_name(f".{place.name}.{uuid4().hex[:8]}")
    try:
        with open(part, "xb") as out:
            put(out)
            out.flush()
            os.fsync(out.fileno())
        if place.exists():
            os.chmod(part, place.stat().st_mode & 0o777)
        os.replace(part, place)
    except (OSError, RuntimeError) as error:
        raise Complaint(f"{file} cannot be written ({getattr(error, 'strerror', None) or error})") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
