"""Fill running statistics that are no numbers (NaN, infinity, variances below 0) anew from data."""

from __future__ import annotations

import torch

from evalcheck.finding import Unanswerable
from evalcheck.probe import NotFinite, Trial
from evalcheck.probe.judging.scores import NOTABLE
from evalcheck.probe.running.modes import evaluating
from evalcheck.probe.running.runner import Run
from evalcheck.probe.statistics.moments import Moments, running
from evalcheck.remedies.outcome import Outcome, Symptom

TITLE = "resetting the norms that hold no numbers and recomputing their statistics"
RELIEVES = True


def run(trial: Trial) -> Outcome:
    """Eval mode on the held samples with these norms filled from the feed. Two or three forwards."""
    if not trial.has_norms:
        raise Unanswerable("there is no batch norm with running statistics")
    broken = [path for path, norm in trial.norms.items() if _broken(running(norm))]
    if not broken:
        raise Unanswerable("all running statistics are numbers")
    trial.require_data()
    found = {path: trial.moments[path].pooled for path in broken if path in trial.moments}
    mended = trial.population.on(found)
    after = _lost(mended)
    try:
        _ = trial.evaluated
    except NotFinite:
        before = _lost(trial.passes.rows(trial.held, evaluating))
        symptom = Symptom("samples without a finite output", before, after, 0.0)
        return Outcome(symptom=symptom, told=_told(mended), fault=_left(trial, mended))
    if after:
        raise Unanswerable("the output is not finite with other statistics")
    channels = sum(_broken(running(norm)) for norm in trial.norms.values())
    left = sum(_broken(moments) for moments in found.values())
    return Outcome(mended, symptom=Symptom("channels whose statistics are no numbers", channels, left, 0))


def _broken(now: Moments) -> int:
    """How many channels hold what no data can have."""
    mean, var = now.mean, now.var
    return int((~(mean.isfinite() & var.isfinite() & (var >= 0))).sum())


def _lost(run: Run) -> int:
    """How many samples have NaN or infinity in their output."""
    lost = ~run.rows.isfinite().all(1)
    for signs in run.infinite.values():
        lost |= (signs != 0).any(1).to(lost.device)
    return int(lost.sum())


def _told(run: Run) -> str:
    for name, form in (("metric", ".3g"), ("accuracy", ".1%"), ("squared error", ".3g"), ("loss", ".3g")):
        if name in run.scores:
            return f"{name} is then {format(run.mean(name), form)}"
    return ""


def _left(trial: Trial, run: Run) -> str:
    """What the outputs still lose against train mode without its noise; empty where that is nothing."""
    for name in ("metric", "loss", "squared error"):
        higher = trial.higher.get(name)
        if higher is None or any(name not in one.scores for one in (run, *trial.reference)):
            continue
        there = torch.stack([one.scores[name].double() for one in trial.reference]).mean(0)
        lost = (there - run.scores[name].double()) * (1 if higher else -1)
        size = trial.held.batch_size if name == "metric" else 1
        means = torch.stack([part.mean() for part in torch.split(lost, size)])
        error = float(means.std()) / len(means) ** 0.5 if len(means) > 1 else 0.0
        scale = 1.0 if name == "loss" else abs(float(there.mean()))
        if float(lost.mean()) > max(NOTABLE * scale, 2 * error):
            return f"the {name} is still worse than on batch statistics"
        return ""
    return ""
