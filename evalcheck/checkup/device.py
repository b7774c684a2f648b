"""Where the model is run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from evalcheck.complaint import Complaint


def choose(name: str | None, model: nn.Module) -> torch.device:
    """The device of a name: ``auto`` takes CUDA, then MPS, then the CPU; None where the model is now.

    A model that is spread over several devices knows why: it stays, and its first tensor's device
    is where batches go.
    """
    devices = _devices(model)
    if name is None or (name == "auto" and len(devices) > 1):
        return devices[0] if devices else torch.device("cpu")
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0].split(". ")[0]
        more = f" ({reason})" if len(reason) < 120 else ""
        raise Complaint(
            f"device {name!r} is not to be had here{more}; --device auto takes what there is"
        ) from None
    if len(devices) > 1:
        spread = ", ".join(map(str, devices))
        raise Complaint(f"the model is spread over {spread}: leave out --device, so that it stays as it is")
    return device


@contextmanager
def placed(model: nn.Module, device: torch.device) -> Iterator[None]:
    """The model on a device, and afterwards where it was; not moved at all where it is there already."""
    devices = _devices(model)
    if len(devices) != 1 or devices[0] == device:
        yield
        return
    model.to(device)
    try:
        yield
    finally:
        model.to(devices[0])


def _devices(model: nn.Module) -> list[torch.device]:
    return list(dict.fromkeys(tensor.device for tensor in [*model.parameters(), *model.buffers()]))
