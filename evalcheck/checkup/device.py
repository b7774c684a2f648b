"""Where the model is run."""

from __future__ import annotations

import torch
from torch import nn

from evalcheck.complaint import Complaint


def choose(name: str | None, model: nn.Module) -> torch.device:
    """The device of a name: ``auto`` takes CUDA, then MPS, then the CPU; None where the model is now."""
    if name is None:
        tensors = [*model.parameters(), *model.buffers()]
        return tensors[0].device if tensors else torch.device("cpu")
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise Complaint(
            f"device {name!r} is not to be had here: {reason}; use auto, cpu, cuda or mps"
        ) from None
    return device
