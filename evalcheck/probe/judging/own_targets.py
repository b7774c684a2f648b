"""Whether the targets of a loader are those of the model's own classes."""

from __future__ import annotations

from math import exp

import torch
from torch import Tensor

from evalcheck.probe.judging.scoring import GUESSING
from evalcheck.probe.pool import Pool
from evalcheck.probe.running.runner import Run


def fit(run: Run, pool: Pool) -> bool:
    """Whether each class that the output chooses from occurs among the pool's targets.

    An autoencoder's loader yields classes too, which are not what it gives. The loss of guessing is the
    logarithm of the number of classes.
    """
    targets = [batch.targets for batch in pool.grouped()]
    if GUESSING not in run.scores or not all(isinstance(one, Tensor) for one in targets):
        return False
    return len(torch.unique(torch.cat([one.flatten() for one in targets]))) >= round(exp(run.mean(GUESSING)))
