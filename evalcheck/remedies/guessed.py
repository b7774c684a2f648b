"""Whether the model only guesses the targets, in either mode: then less distance between modes is no cure."""

from __future__ import annotations

from evalcheck.probe import Trial
from evalcheck.probe.judging import own_targets
from evalcheck.probe.running.runner import Run
from evalcheck.remedies import judged

TOLD = "no mode predicts the targets better than by guessing (accuracy {moved})"


def told(trial: Trial, run: Run) -> str:
    """The reason why nothing is proved; empty where there are no targets, or ones of something else."""
    if trial.judge is not None or not own_targets.fit(trial.evaluated, trial.held):
        return ""
    both = (one.mean("accuracy") for one in (trial.evaluated, run))
    return TOLD.format(moved=judged.told("accuracy", *both))
