"""Writes files of weights, torch's and safetensors', whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

import torch
from torch import Tensor

from evalcheck.cli.names import some
from evalcheck.cli.weights import NO_SAFETENSORS, SAFETENSORS, SHOWN, Weights
from evalcheck.complaint import Complaint

TORCH = (".pt", ".pth", ".bin", ".ckpt")


def demand_writable(file: Path, source: Path | None, force: bool) -> None:
    """Raise :class:`Complaint` for a name that cannot or must not be written, before a long run."""
    if file.suffix not in (*TORCH, SAFETENSORS):
        kinds = ", ".join((SAFETENSORS, *TORCH))
        raise Complaint(f"{file}: the name must end in one of {kinds}, which says the format")
    folder = file.absolute().parent
    if file.is_dir():
        raise Complaint(f"{file} is a folder: give --output a file's name")
    if not folder.is_dir():
        raise Complaint(f"{file}: there is no folder {file.parent}; make it first")
    if not os.access(Path(os.path.realpath(file)).parent, os.W_OK):
        raise Complaint(f"{file} cannot be written: its folder is read-only")
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
    if odd := [name for name, tensor in held.state.items() if not _is_dense(tensor)]:
        raise Complaint(f"{file}: safetensors cannot hold {some(odd, SHOWN)} (complex or sparse): use .pt")
    state, twice = _apart(held.state)
    if twice:
        told.append(f"tied tensors, which safetensors cannot tie, are written out each: {some(twice, SHOWN)}")
    _at_once(file, lambda out: out.write(save(state, held.metadata or {"format": "pt"})))
    return told


def _is_dense(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not tensor.is_complex() and not tensor.is_quantized


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
    except OSError as error:
        raise Complaint(f"{file} cannot be written ({error.strerror})") from None
    except RuntimeError:  # torch's writer does not say what the system told it
        raise Complaint(f"{file} cannot be written: is the disk full?") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
