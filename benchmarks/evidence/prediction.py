"""What evalcheck's closed form says of dropout before batch norm, in the form that the tables need."""

from __future__ import annotations

import torch
from torch import Tensor

from evalcheck.guard import untouched
from evalcheck.probe import Trial
from evalcheck.probe.running import modes
from evalcheck.probe.running.runner import Run
from evalcheck.probe.statistics.collecting import collecting
from evalcheck.probe.statistics.dropout_shift import predicted as closed_form
from evalcheck.probe.statistics.moments import Moments, running

# A number of values from which Bessel's factor is nothing.
MANY = 10**9


def of_norms(judged: Trial) -> dict[str, Tensor]:
    """By norm behind a dropout, the variance in train mode over that in eval mode, (C,) float64.

    From one pass of the feed with dropout off, norms on batch statistics.
    """
    batch = next(judged.feed.grouped(size=judged.feed.samples))
    with untouched(judged.model, parameters=False), torch.no_grad(), collecting(judged.norms) as collector:
        modes.batch_statistics(judged.model)
        found = closed_form(judged.model, judged.norms, lambda: judged.run.forward(batch))
    return {
        path: 1 + one.added.double() / collector.table[path].pooled.var.clamp_min(1e-12)
        for path, one in found.items()
    }


def predicted(judged: Trial) -> dict[str, float]:
    """The same, mean over channels."""
    return {path: float(ratio.mean()) for path, ratio in of_norms(judged).items()}


def corrected(judged: Trial) -> Run | None:
    """Eval mode with the running variances divided by those ratios; None where no norm has one."""
    given = {}
    for path, ratio in of_norms(judged).items():
        now = running(judged.norms[path])
        given[path] = Moments(MANY, now.mean, now.var / ratio * MANY)
    return judged.population.on(given) if given else None
