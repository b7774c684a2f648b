"""Give running statistics to batch norms that keep none (``track_running_stats=False``).

Pooled over the feed, as :mod:`evalcheck.remedies.recalibrate` does for the others. What goes with it is
that a sample's eval output depends on the batch it comes in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.finding import Unanswerable
from evalcheck.guard import untouched
from evalcheck.probe import Trial
from evalcheck.probe.dependence.samples import TOLERANCE, Dependence
from evalcheck.probe.running import modes
from evalcheck.probe.running.runner import Run
from evalcheck.probe.statistics.collecting import collecting
from evalcheck.probe.statistics.moments import Moments
from evalcheck.remedies import judged
from evalcheck.remedies.outcome import Outcome, Symptom

TITLE = "keeping running statistics (track_running_stats=True, and one pass to fill them)"
RELIEVES = True

# Samples that are run one by one.
ALONE = 32


def run(trial: Trial) -> Outcome:
    """Eval mode on the held samples with statistics from the feed. Two forwards and a few small batches."""
    norms = _without(trial)
    if not norms:
        raise Unanswerable("every batch norm keeps running statistics")
    trial.require_data()
    before = _dependence(trial)
    if before <= TOLERANCE:
        raise Unanswerable("the eval output does not depend on the batch size")
    alone = _alone(trial)
    with untouched(trial.model, parameters=False), _tracking(trial, norms):
        mended = trial.passes.rows(trial.held, modes.evaluating)
        after, single = _dependence(trial), _alone(trial)
    symptom = Symptom("difference between batch sizes", before, after, TOLERANCE)
    return Outcome(mended, symptom=symptom, told=_told(trial, alone, single))


def _without(trial: Trial) -> dict[str, _BatchNorm]:
    """The batch norms that have no statistics but the batch's."""
    return {
        path: module
        for path, module in trial.model.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is None and module.running_var is None
    }


def _dependence(trial: Trial) -> float:
    """The largest relative difference of a sample's outputs in batches of other sizes."""
    return max(found.size for found in Dependence(trial.run, trial.held).batch_sizes())


def _alone(trial: Trial) -> Run | None:
    """A few samples, each in a batch by itself; None where the model refuses that."""
    pool = trial.held.first(ALONE)
    if pool.whole is None:
        return None
    try:
        return trial.passes.rows(replace(pool, batch_size=1), _evaluating)
    except Unanswerable:
        return None


def _evaluating(model: torch.nn.Module) -> None:
    """Eval mode whose refusal is no complaint of the user's."""
    modes.evaluating(model)


@contextmanager
def _tracking(trial: Trial, norms: Mapping[str, _BatchNorm]) -> Iterator[None]:
    """These norms with the feed's pooled statistics; use it under the guard, which puts them back."""
    with collecting(norms) as collector:
        trial.passes.rows(trial.feed, modes.evaluating, before=collector.restart)
    for path, entry in collector.table.items():
        _fill(norms[path], entry.pooled)
    yield


def _fill(norm: _BatchNorm, moments: Moments) -> None:
    like = norm.weight if norm.weight is not None else moments.mean.float()
    norm.running_mean = moments.mean.to(like.dtype).detach().clone()
    norm.running_var = moments.unbiased.to(like.dtype).detach().clone()
    norm.track_running_stats = True


def _told(trial: Trial, before: Run | None, after: Run | None) -> str:
    """What becomes of samples that come alone."""
    if after is None:
        return ""
    if before is None:
        return "samples that come alone, which the model refused, are then answered"
    moved = judged.change(trial, before, after)
    return f"of samples that come alone {moved}" if moved else ""
