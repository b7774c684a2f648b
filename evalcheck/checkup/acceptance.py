"""Whether the model takes its batches at all, before anything else is said of it."""

from __future__ import annotations

import torch
from torch import nn

from evalcheck.batch import Batch
from evalcheck.checkup.material import Material
from evalcheck.complaint import Complaint
from evalcheck.guard import untouched
from evalcheck.guard.modes import switch
from evalcheck.probe import OutOfMemory
from evalcheck.probe.running.runner import Runner


def accepted(model: nn.Module, drawn: Material, seed: int) -> tuple[Material, str | None]:
    """The material in batches that memory holds, and why eval mode refuses what train mode takes, if so.

    A batch that neither mode takes is the user's to hear: :class:`Complaint`; one that was guessed is
    laid aside.
    """
    runner = Runner(model, seed)
    for pool in (drawn.held, drawn.feed):
        if pool is None:
            continue
        batch = next(iter(pool.grouped()))
        try:
            _try(runner, batch, training=False)
        except OutOfMemory:
            return accepted(model, drawn.halved(), seed)
        except Complaint as complaint:
            if _takes(runner, batch):
                return drawn, str(complaint)
            if drawn.guessed:
                return drawn.refused(str(complaint)), None
            whose = "" if pool is drawn.held else " (from the training loader)"
            raise Complaint(f"{complaint}{whose}", complaint.detail) from complaint.__cause__
    return drawn, None


def _takes(runner: Runner, batch: Batch) -> bool:
    """Whether the forward runs to its end in train mode."""
    try:
        _try(runner, batch, training=True)
    except (Complaint, OutOfMemory):
        return False
    return True


def _try(runner: Runner, batch: Batch, *, training: bool) -> None:
    with untouched(runner.model, parameters=False), torch.no_grad():
        switch(runner.model, training)
        runner.forward(batch)
