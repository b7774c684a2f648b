"""Training inputs against evaluation inputs: how far apart mean and spread are, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evalcheck.finding import Measure, Table
from evalcheck.loader.inputs import HEADERS, Part

# With fewer samples an interval is a guess; 95 % of the resampled differences lie inside it.
ENOUGH = 8
DRAWS, OUTSIDE = 1000, 0.025
# The ends of two ranges are alike within this part of the wider one.
RANGE = 0.25

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Contrast:
    """One part of the inputs in both loaders.

    ``shift`` is the difference of the means, training less evaluation, in units of the mean of both
    standard deviations; ``ratio`` the natural logarithm of the ratio of the standard deviations.
    Both are value and interval, None where there are too few samples, or integers.
    """

    train: Part
    eval: Part
    shift: tuple[float, Interval] | None
    ratio: tuple[float, Interval] | None

    def shifted(self, limit: float) -> bool:
        """Whether the whole interval of the shift lies beyond the limit, and the range moved too."""
        return self.shift is not None and _outside(self.shift[1], limit) and self._rescaled()

    def scaled(self, limit: float) -> bool:
        """The same of the factor between the standard deviations."""
        return self.ratio is not None and _outside(self.ratio[1], math.log(limit)) and self._rescaled()

    def _rescaled(self) -> bool:
        """Whether the values cover another range.

        Scaling and normalising move it. Augmentation that pads, erases or darkens moves the mean
        and not the range, and so does data of another kind.
        """
        one, two = self.train, self.eval
        moved = max(abs(one.low - two.low), abs(one.high - two.high))
        return moved > RANGE * max(one.high - one.low, two.high - two.low)

    def measures(self, shift: float, ratio: float, alone: bool = False) -> Iterator[Measure]:
        """The figures with the limits that they were held against; a part that is ``alone`` is the inputs."""
        count = min(len(self.train.means), len(self.eval.means))
        name = "the inputs" if alone else self.train.path or "input"
        if self.shift:
            value, interval = self.shift
            what = f"shift of the mean of {name}"
            yield Measure(what, value, "standard deviations", shift, interval, count)
        if self.ratio:
            value, (low, high) = self.ratio
            sides = "training to evaluation"
            if value < 0:  # the larger over the smaller, as the limit is
                value, low, high, sides = -value, -high, -low, "evaluation to training"
            what = f"ratio of the standard deviations of {name}, {sides}"
            yield Measure(what, math.exp(value), "", ratio, (math.exp(low), math.exp(high)), count)


def table(found: Sequence[Contrast]) -> Table:
    """Both sides of every part."""
    rows = tuple(row for c in found for row in (c.train.row("train"), c.eval.row("eval")))
    return Table("Inputs of training and evaluation", HEADERS, rows)


def compare(train: Mapping[str, Part], evaluation: Mapping[str, Part]) -> Iterator[Contrast]:
    """The parts that both have."""
    for path, part in train.items():
        if path in evaluation:
            yield _contrast(part, evaluation[path])


def _contrast(train: Part, evaluation: Part) -> Contrast:
    real = all(p.dtype.is_floating_point or p.dtype == torch.uint8 for p in (train, evaluation))
    one, two = train.moments, evaluation.moments
    if not real or min(len(one), len(two)) < ENOUGH:
        return Contrast(train, evaluation, None, None)
    shift, ratio = _distance(one.mean(0), two.mean(0))
    if not (math.isfinite(shift) and math.isfinite(ratio)):
        return Contrast(train, evaluation, None, None)
    generator = torch.Generator().manual_seed(0)
    drawn = _distance(_resampled(one, generator), _resampled(two, generator))
    return Contrast(
        train, evaluation, (float(shift), _interval(drawn[0])), (float(ratio), _interval(drawn[1]))
    )


def _distance(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    """Shift of the means and logarithm of the ratio, of moments of shape (..., 2)."""
    stds = [(m[..., 1] - m[..., 0].square()).clamp_min(0).sqrt() for m in (one, two)]
    return (one[..., 0] - two[..., 0]) / ((stds[0] + stds[1]) / 2), (stds[0] / stds[1]).log()


def _resampled(moments: Tensor, generator: torch.Generator) -> Tensor:
    """Mean moments of bootstrap samples (Efron 1979): whole samples are drawn, not their values."""
    chosen = torch.randint(len(moments), (DRAWS, len(moments)), generator=generator)
    return moments[chosen].mean(1)


def _interval(values: Tensor) -> Interval:
    values = values[values.isfinite()].sort().values
    edge = int(OUTSIDE * len(values))
    return float(values[edge]), float(values[-1 - edge])


def _outside(interval: Interval, limit: float) -> bool:
    return interval[0] > limit or interval[1] < -limit
