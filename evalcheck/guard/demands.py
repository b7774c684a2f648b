"""What every door asks of a model before anything is done with it."""

from __future__ import annotations

from torch import nn

from evalcheck.complaint import Complaint


def demand_module(model: object) -> None:
    """Raise :class:`Complaint` for what is no module, with the way out where calling it may give one."""
    if isinstance(model, nn.Module):
        return
    kind = type(model).__name__
    article = "an" if kind[0].lower() in "aeiou" else "a"
    call = ": call it" if callable(model) else ""
    raise Complaint(f"{article} {kind} was given where a torch.nn.Module is needed{call}")
