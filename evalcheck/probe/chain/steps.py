"""One step on the way from eval mode to train mode, and the words for each.

    eval            running statistics, as the user evaluates
      | stale       the running statistics are not those of the data under today's weights
    converged, noise on    what the moving average tends to: population statistics with dropout on
      | dropout     dropout before a norm widens what the norm sees in training only
    converged       the same with dropout off
      | shared      one norm serves several calls whose inputs differ
    per call        population statistics of each call
      | domain      the evaluation data has other statistics than the training data
    evaluated data  statistics of the samples that are judged
      | batch       a batch's statistics are noisy
    reference       batch statistics, dropout off: train mode without its noise
      | order       the training loader's batches are not a shuffle of its samples
    as loaded       the same on batches as they are loaded
      | custom      modules of the user's own that ask for the mode, and shift the mean
    train mode

Sizes are squared distances in units of the output's variance. The split follows Wu and Johnson
(arXiv 2105.07576, figure 5: training noise, inconsistency, and what population statistics miss)
and Li et al. (arXiv 1801.05134, table 3: the step over dropout). ``noise`` is no step: it is what eval
mode itself adds from run to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from evalcheck.probe.judging import distance
from evalcheck.probe.running.runner import Run

TITLES = {
    "stale": "running statistics that are not those of the data",
    "dropout": "dropout or other noise before a batch norm",
    "shared": "one batch norm for calls that differ",
    "domain": "evaluation data unlike the training data",
    "batch": "batches too small for their statistics",
    "order": "training batches that are not a shuffle of the data",
    "custom": "a module that does something else in train mode",
    "noise": "randomness that eval mode does not switch off",
}
# The same step where instance norms make it: no batch is small to them, they have one sample.
INSTANCE = "an instance norm that keeps running statistics"
HIGHER_IS_BETTER: dict[str, bool | None] = {"accuracy": True, "loss": False, "squared error": False}


@dataclass(frozen=True)
class Step:
    """One step: the runs on both sides of it; ``after`` is several passes where it is noisy.

    ``known`` is what noise alone puts between the two sides, in squared output units: it is taken off.
    ``own`` is the output's variance on the samples of a step that is taken on others than the held ones.
    """

    name: str
    before: Run
    after: tuple[Run, ...]
    known: float = 0.0
    own: float | None = None

    @cached_property
    def squares(self) -> Tensor:
        """Squared distance of each sample, (N,) float64; debiased where the far side is noisy."""
        if len(self.after) > 1:
            return distance.spread([run.rows for run in self.after], self.before.rows).bias
        return (self.before.rows - self.after[0].rows).double().square().sum(1) - self.known

    def size(self, unit: float) -> float:
        """Mean squared distance in ``unit``, or in its ``own``; never negative."""
        unit = unit if self.own is None else self.own
        return max(0.0, float(self.squares.mean()) / unit) if unit > 0 else 0.0

    def interval(self, groups: Sequence[Tensor], unit: float) -> tuple[float, float] | None:
        """95 % interval of the size from disjoint groups of samples; None without four of them."""
        if sum(len(group) for group in groups) != len(self.squares):
            return None
        unit = unit if self.own is None else self.own
        return distance.interval(self.squares, [group.to(self.squares.device) for group in groups], unit)

    def gain(self, score: str, higher: bool) -> float | None:
        """By how much a score gets better over the step."""
        if score not in self.before.scores or any(score not in run.scores for run in self.after):
            return None
        after = sum(run.mean(score) for run in self.after) / len(self.after)
        change = after - self.before.mean(score)
        return change if higher else -change


def mean_of(runs: Sequence[Run]) -> Tensor:
    """Mean output rows of several passes, (N, D)."""
    return torch.stack([run.rows for run in runs]).mean(0) if len(runs) > 1 else runs[0].rows
