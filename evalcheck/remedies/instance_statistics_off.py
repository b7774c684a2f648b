"""Let instance norms normalise each sample by itself in eval mode too, as train mode does.

Instance normalisation has no running statistics (Ulyanov et al., arXiv 1607.08022, section 2).
"""

from __future__ import annotations

from torch import nn
from torch.nn.modules.instancenorm import _InstanceNorm

from evalcheck.finding import Unanswerable
from evalcheck.probe import Trial
from evalcheck.probe.chain import steps
from evalcheck.probe.judging import distance
from evalcheck.probe.running import modes
from evalcheck.remedies.gating import scatter
from evalcheck.remedies.outcome import Outcome, Symptom

TITLE = "statistics of each sample in eval mode too (track_running_stats=False)"
RELIEVES = True
MEASURE = "distance from train mode"
# The distance must be worth a word, and most of it must go.
NOTHING, LEFT = 0.01, 0.2


def run(trial: Trial) -> Outcome:
    """The distance from train mode without its noise, and the held samples in eval mode on own statistics."""
    trial.require_training()
    if not trial.passes.instance_norms:
        raise Unanswerable("no instance norm uses running statistics in eval mode")
    judged = scatter.passed(trial, trial.held, _own, 0)
    unit, target = trial.unit or 1.0, steps.mean_of(trial.reference)
    before, after = (distance.squared(one.rows, target) / unit for one in (trial.evaluated, judged))
    if before <= NOTHING:
        raise Unanswerable("their running statistics make no difference on these batches")
    symptom = Symptom(MEASURE, before, after, max(NOTHING, LEFT * before))
    return Outcome(judged if scatter.is_judged(trial) else None, symptom)


def _own(model: nn.Module) -> None:
    """Eval mode on each sample's statistics; for use inside the guard, which puts the flags back."""
    modes.evaluating(model)
    for module in model.modules():
        if isinstance(module, _InstanceNorm):
            module.track_running_stats = False
