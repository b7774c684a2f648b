"""What one step on the way from eval mode to train mode does: to the output, and to the score that judges."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalcheck.finding import Measure, Strength
from evalcheck.measurement import Score, of
from evalcheck.probe.judging import distance
from evalcheck.probe.judging.gaining import Gained, gained
from evalcheck.probe.running.runner import Run
from evalcheck.probe.trial import Trial


@dataclass(frozen=True)
class Effect:
    """``size`` is in units of the output's variance; ``gain`` is what the score ``judge`` gets better by over
    the step, with its standard error, or None where no score says; ``named`` is that score for people."""

    size: float
    judge: Score | None
    gain: float | None = None
    error: float = 0.0
    named: str = ""

    def costs(self, harm: float) -> bool:
        """Whether eval mode loses more than ``harm`` of the score's scale by not having taken the step."""
        if self.judge is None or self.gain is None:
            return False
        return self.gain > harm * self.judge.scale and self.gain > 2 * self.error

    def helps(self, harm: float) -> bool:
        """Whether eval mode is the better for not having taken the step."""
        if self.judge is None or self.gain is None:
            return False
        return -self.gain > harm * self.judge.scale and -self.gain > 2 * self.error

    def strength(self, harm: float, large: float = math.inf) -> Strength:
        """With targets, harm decides, grave where the output moves by more than ``large``; without them a
        moved output is a suspicion."""
        if self.gain is None:
            return "slight"
        if not self.costs(harm):
            return "cleared"
        return "grave" if self.size > large else "usual"

    def measure(self, limit: float) -> Measure:
        """The size as evidence, beside what counts."""
        return Measure("shift of the eval output", self.size, "of the output's variance", limit)

    def told(self, harm: float) -> str:
        """``by 12% of its variance, which costs 0.3 of loss``."""
        moved = f"by {of(self.size, 'its variance')}"
        if self.judge is None or self.gain is None:
            return moved
        form = ".1%" if self.judge.name == "accuracy" else ".2g"
        if self.costs(harm):
            return f"{moved}, which costs {format(self.gain, form)} of {self.named or self.judge.name}"
        return f"{moved}, without costing {self.named or self.judge.name}"


def of_step(trial: Trial, name: str) -> Effect | None:
    """The effect of the step of that name; None where the model has no such step."""
    step = trial.step(name)
    if step is None:
        return None
    judge, size = trial.judge, step.size(trial.unit)
    groups = trial.held.batch_size if len(step.after) > 1 else 1
    gain = gained(step.before, step.after, judge, groups) if judge is not None else None
    return _effect(trial, size, gain)


def of_order(trial: Trial, limit: float) -> bool:
    """Whether training batches are no shuffle of the data, whose average is then not that of the data."""
    order = trial.step("order")
    return order is not None and order.size(trial.unit) > limit


def between(trial: Trial, before: Run, after: Run) -> Effect:
    """The effect of one deterministic change of eval mode, run on the held samples before and after."""
    judge = trial.judge
    unit = distance.variance(before.rows, after.rows) or 1.0
    gain = gained(before, [after], judge) if judge is not None else None
    return _effect(trial, distance.squared(before.rows, after.rows) / unit, gain)


def _effect(trial: Trial, size: float, gain: Gained | None) -> Effect:
    named = trial.called(trial.judge.name) if trial.judge is not None else ""
    value, error = gain if gain is not None else (None, 0.0)
    return Effect(size, trial.judge, value, error, named)
