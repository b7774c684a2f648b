"""Puts statistics into a model's norms, all or none of them, with a way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import ceil, log, log1p

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.complaint import Complaint
from evalcheck.guard.undo import take
from evalcheck.probe.statistics.moments import Moments

BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
# The weight of the values of construction from which on they count as forgotten.
FORGOTTEN = 1e-3
# No counter is set higher: a momentum may be as small as one likes.
OLDEST = 2**53


@dataclass
class Written:
    """The buffers that were written, by norm and name, as they were before."""

    before: list[tuple[_BatchNorm, str, Tensor]] = field(default_factory=list)

    def undo(self) -> None:
        """Every buffer has its old values again, wherever it is now; an interrupt keeps none from it."""
        try:
            take(partial(_put, getattr(norm, name), old) for norm, name, old in reversed(self.before))
        finally:
            self.before.clear()

    def write(self, norms: Mapping[str, _BatchNorm], found: Mapping[str, Moments], batches: int) -> None:
        """New statistics of these norms; ``batches`` of the loader gave them.

        A variance gets Bessel's factor, as torch stores it. Raises :class:`Complaint` before anything is
        written where a number does not fit the buffer's dtype. What interrupts the writing undoes it.
        """
        ready = [_made(path, norms[path], moments, batches) for path, moments in found.items()]
        try:
            for norm, made in ready:
                for name, new in made.items():
                    buffer = getattr(norm, name)
                    self.before.append((norm, name, buffer.detach().clone()))
                    _put(buffer, new)
        except BaseException:
            self.undo()
            raise


def _made(
    path: str, norm: _BatchNorm, moments: Moments, batches: int
) -> tuple[_BatchNorm, dict[str, Tensor]]:
    mean, var = norm.running_mean, norm.running_var
    assert mean is not None
    assert var is not None
    made = {
        "running_mean": moments.mean.to(mean.dtype),
        "running_var": moments.unbiased.to(var.dtype),
    }
    if not all(bool(new.isfinite().all()) for new in made.values()):
        raise Complaint(f"the statistics of {path} are too large for {str(var.dtype).removeprefix('torch.')}")
    if norm.num_batches_tracked is not None:
        count = counted(norm.momentum, int(norm.num_batches_tracked), batches)
        made["num_batches_tracked"] = torch.full_like(norm.num_batches_tracked, count)
    return norm, made


def counted(momentum: float | None, before: int, batches: int) -> int:
    """What ``num_batches_tracked`` should say of statistics that hold nothing of their start.

    Training that goes on with a cumulative average (``momentum=None``) weighs its next batch by 1 / (n + 1),
    so n is the number of the loader's batches that the statistics stand for, as torch's own update_bn
    leaves it. With a momentum nothing is computed from the counter, but it is read as the age of a moving
    average whose start weighs (1 - momentum)^n: it is raised to where that is forgotten, and never lowered.
    """
    if momentum is None:
        return batches
    if not 0 < momentum < 1:
        return max(before, batches)
    return max(before, batches, ceil(min(log(FORGOTTEN) / log1p(-momentum), OLDEST)))


def _put(buffer: Tensor, values: Tensor) -> None:
    with torch.inference_mode() if buffer.is_inference() else torch.no_grad():
        buffer.copy_(values)
