"""Keep batch norms that were frozen, by parameters or by mode, in eval mode while the rest trains."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.finding import Unanswerable
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.state import settings
from evalcheck.guard import untouched
from evalcheck.probe import Trial
from evalcheck.probe.running import modes
from evalcheck.probe.statistics.moments import Moments, running
from evalcheck.remedies.outcome import Outcome, Symptom

TITLE = "eval() on the frozen norms after each train()"
RELIEVES = True
MEASURE = "drift of frozen statistics over {count} training batches, in standard deviations"
BATCHES = 8


def run(trial: Trial) -> Outcome:
    """How far train mode moves the frozen norms, of which the farthest counts, without eval() and with it."""
    trial.require_data()
    frozen = _found(trial)
    if not frozen:
        raise Unanswerable("no frozen batch norm moves in train mode")
    count = len(list(islice(trial.feed.grouped(), BATCHES)))
    before, after = _drift(trial, frozen, False), _drift(trial, frozen, True)
    if not before:
        raise Unanswerable("these norms do not move on these batches")
    return Outcome(symptom=Symptom(MEASURE.format(count=count), before, after, 0.0))


def _found(trial: Trial) -> list[_BatchNorm]:
    """Norms with frozen scale and shift that train mode moves, and norms given in eval mode that it wakes."""
    views = {path: ModuleView(path, module) for path, module in trial.model.named_modules()}
    moving = settings.frozen_moving(ModelGraph(trial.model, views, None, None))
    pinned = trial.state.woken.views if trial.state.woken is not None else []
    modules = {view.path: view.module for view in (*moving, *pinned)}
    kept = [m for m in modules.values() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    return [norm for norm in kept if norm.running_var is not None]


def _drift(trial: Trial, frozen: Collection[_BatchNorm], held: bool) -> float:
    """The largest of the norms' drifts; see :func:`_moved`."""
    with untouched(trial.model, parameters=False), torch.no_grad(), trial.passes.answerable(modes.training):
        modes.training(trial.model)
        for norm in frozen if held else ():
            norm.eval()
        starts = [_copied(norm) for norm in frozen]
        for batch in islice(trial.feed.grouped(), BATCHES):
            trial.run.forward(batch)
        pairs = zip(starts, frozen, strict=True)
        return max(_moved(start, running(norm), norm.eps) for start, norm in pairs)


def _moved(before: Moments, after: Moments, eps: float) -> float:
    """By how much mean or standard deviation moved, the larger, in the latter; the mean over channels."""
    scale = (before.var + eps).sqrt()
    apart = torch.maximum((after.mean - before.mean).abs(), ((after.var + eps).sqrt() - scale).abs())
    return float((apart / scale).mean())


def _copied(norm: _BatchNorm) -> Moments:
    now = running(norm)
    return Moments(1, now.mean.clone(), now.var.clone())
