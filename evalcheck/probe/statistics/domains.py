"""How the evaluation data's statistics differ from the training data's, norm by norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalcheck.measurement import LayerReading
from evalcheck.probe.judging import distance
from evalcheck.probe.passes import Passes
from evalcheck.probe.statistics.population import Population


@dataclass(frozen=True)
class Apart:
    """``shift`` is the distance of the means in standard deviations of training, root mean square over
    channels; ``ratio`` the variance in evaluation over that in training, mean over channels."""

    shift: float
    ratio: float

    @property
    def told(self) -> str:
        """``0.5 standard deviations from those of training, with 2.0 times their variance``."""
        shift, ratio = _figure(self.shift), _figure(self.ratio)
        varies = f"with {ratio} times their variance" if ratio != "1" else "and vary as much"
        return f"{shift} standard deviations from those of training, {varies}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def apart(population: Population, path: str) -> Apart:
    """Of one norm's inputs over all its calls."""
    here, there = population.moments[path].pooled, population.passes.moments[path].pooled
    eps = population.passes.norms[path].eps
    shift = ((there.mean - here.mean).square() / (here.var + eps)).mean().sqrt()
    return Apart(float(shift), float(((there.var + eps) / (here.var + eps)).mean()))


def floor(passes: Passes, population: Population, unit: float) -> float:
    """What two finite pools of one population put between their statistics' outputs, in ``unit``.

    The noise of batches of B samples, averaged over N of them: noise * B * (1 / N_train + 1 / N_eval).
    """
    if len(passes.reference) < 2 or unit <= 0:
        return 0.0
    noise = distance.spread([run.rows for run in passes.reference], passes.evaluated.rows).noise
    size = passes.held.batch_size
    return float(noise.mean()) / unit * size * (1 / population.feed.samples + 1 / passes.held.samples)


def in_order(population: Population, readings: Sequence[LayerReading]) -> list[LayerReading]:
    """The readings as the norms ran: what is off at the first travels on to the next."""
    order = {path: index for index, path in enumerate(population.moments)}
    return sorted(readings, key=lambda reading: order[reading.module])


def unscaled(population: Population, readings: Sequence[LayerReading], limit: float) -> LayerReading | None:
    """The first norm, where what is wrong may be the input's scale: far off, and those behind it far less.

    Behind it the batch's own statistics have scaled it back. Stale statistics are wrong everywhere.
    """
    first, *rest = in_order(population, readings)
    least = first.stale > limit and max((reading.stale for reading in rest), default=0.0) < first.stale / 10
    return first if least else None
