"""By how much one run's score is better than another's, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from evalcheck.measurement import Score
from evalcheck.probe.running.runner import Run


class Gained(NamedTuple):
    """A mean over samples, in the score's own units, with its standard error."""

    gain: float
    error: float

    def beyond_chance(self, errors: float = 2.0) -> float:
        """The gain; 0 where it is negative, or within so many standard errors of nothing."""
        return self.gain if self.gain > max(0.0, errors * self.error) else 0.0


def gained(before: Run, after: Sequence[Run], score: Score, size: int = 1) -> Gained | None:
    """What ``after`` (mean of its passes) gains over ``before`` on the same samples.

    The error is from group to group of ``size`` samples in order: samples that share a batch's statistics
    are no independent draws. None where a side has no such score, or no direction is known.
    """
    if score.higher_is_better is None or any(score.name not in run.scores for run in (before, *after)):
        return None
    there = torch.stack([run.scores[score.name].double() for run in after]).mean(0)
    gain = there - before.scores[score.name].double()
    if not score.higher_is_better:
        gain = -gain
    means = torch.stack([part.mean() for part in torch.split(gain, size)])
    error = float(means.std()) / len(means) ** 0.5 if len(means) > 1 else float("inf")
    return Gained(float(gain.mean()), error)
