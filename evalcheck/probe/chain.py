"""The way from eval mode to train mode in steps, each of which changes one thing.

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

Sizes are squared distances in units of the output's variance. The split follows Wu and Johnson
(arXiv 2105.07576, figure 5: training noise, inconsistency, and what population statistics miss)
and Li et al. (arXiv 1801.05134, table 3: the step over dropout).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from evalcheck.measurement import Cause
from evalcheck.probe import distance
from evalcheck.probe.runner import Run

TITLES = {
    "stale": "running statistics that are not those of the data",
    "dropout": "dropout before a batch norm",
    "shared": "one batch norm for calls that differ",
    "domain": "evaluation data unlike the training data",
    "batch": "batches too small for their statistics",
}
HIGHER_IS_BETTER: dict[str, bool | None] = {"accuracy": True, "loss": False, "squared error": False}


@dataclass(frozen=True)
class Step:
    """One step: the runs on both sides of it; ``after`` is several passes where it is noisy."""

    name: str
    before: Run
    after: tuple[Run, ...]

    def size(self, unit: float) -> float:
        """Squared distance in ``unit``; debiased where the far side is noisy, and then never negative."""
        if unit <= 0:
            return 0.0
        if len(self.after) > 1:
            spread = distance.spread([run.rows for run in self.after], self.before.rows)
            return max(0.0, float(spread.bias.mean()) / unit)
        return distance.squared(self.before.rows, self.after[0].rows) / unit

    def gain(self, score: str, higher: bool) -> float | None:
        """By how much a score gets better over the step."""
        if score not in self.before.scores or any(score not in run.scores for run in self.after):
            return None
        after = sum(run.mean(score) for run in self.after) / len(self.after)
        change = after - self.before.mean(score)
        return change if higher else -change


def causes(
    steps: list[Step], unit: float, thresholds: Mapping[str, float], score: str | None, higher: bool
) -> tuple[Cause, ...]:
    """The steps as causes, the one that recovers or changes most first."""
    found = [
        Cause(
            name=step.name,
            title=TITLES[step.name],
            size=step.size(unit),
            threshold=thresholds.get(step.name, 0.0),
            recovers=step.gain(score, higher) if score else None,
        )
        for step in steps
    ]
    return tuple(sorted(found, key=lambda c: (c.material, c.recovers or 0.0, c.size), reverse=True))


def mean_of(runs: list[Run]) -> Tensor:
    """Mean output rows of several passes, (N, D)."""
    total = runs[0].rows.clone()
    for run in runs[1:]:
        total += run.rows
    return total / len(runs)
