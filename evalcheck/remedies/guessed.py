"""Whether the model only guesses the targets, in either mode: then less distance between modes is no cure."""

from __future__ import annotations

from math import exp

import torch
from torch import Tensor

from evalcheck.probe import Trial
from evalcheck.probe.judging.scoring import GUESSING
from evalcheck.probe.running.runner import Run
from evalcheck.remedies import judged

TOLD = "no mode predicts the targets better than by guessing (accuracy {moved})"


def told(trial: Trial, run: Run) -> str:
    """The reason why nothing is proved; empty where there are no targets, or ones of something else.

    An autoencoder's loader yields classes too: targets are the output's own where each class that it
    chooses from occurs among them.
    """
    if trial.judge is not None or not _fit(trial):
        return ""
    both = (one.mean("accuracy") for one in (trial.evaluated, run))
    return TOLD.format(moved=judged.told("accuracy", *both))


def _fit(trial: Trial) -> bool:
    run = trial.evaluated
    targets = [batch.targets for batch in trial.held.grouped()]
    if GUESSING not in run.scores or not all(isinstance(one, Tensor) for one in targets):
        return False
    return len(torch.unique(torch.cat([one.flatten() for one in targets]))) >= round(exp(run.mean(GUESSING)))
