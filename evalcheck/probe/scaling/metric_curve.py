"""The user's metric over batch sizes: on what one eval pass gave, cut anew, so that nothing is run again."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.probe.judging import scoring
from evalcheck.probe.judging.scoring import Metric
from evalcheck.probe.scaling.collected import Collected

# At the size that is judged, batches are composed so many times: the mean over batches has an error.
DRAWS = 6


@dataclass(frozen=True)
class Curve:
    """The mean of the batches' metrics, weighted by their samples, against the metric of all samples.

    ``points`` are (batch size, mean), NaN where the metric refuses such batches; ``size`` is the size that
    is judged, ``mean`` the mean there with its standard ``error`` over random compositions of the batches,
    ``whole`` the metric of all ``samples`` at once, ``scale`` what a difference is large or small against:
    the metric itself or its spread over batches, the larger of the two.
    """

    points: tuple[tuple[int, float], ...]
    size: int
    mean: float
    error: float
    whole: float
    scale: float
    samples: int

    @property
    def change(self) -> float:
        """By how much the mean of the batches is off, in ``scale``."""
        return abs(self.mean - self.whole) / self.scale if self.scale > 0 else 0.0

    @property
    def beyond_chance(self) -> bool:
        """Whether that is more than the composition of the batches makes of it."""
        return abs(self.mean - self.whole) > 3 * self.error


def curve(collected: Collected, metric: Metric, size: int) -> Curve:
    """Over batches of 1, 2, 4 ... samples, judged at ``size``, or a quarter of the samples if that is less.

    Raises :class:`Unanswerable` where the metric is no number there.
    """
    count = collected.samples
    size = min(size, count // 4)
    if size < 1:
        raise Unanswerable("it takes four samples or more")
    (whole,) = _values(collected, metric, [torch.arange(count)])
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randperm(count, generator=generator) for _ in range(DRAWS)]
    batches = [_values(collected, metric, torch.split(order, size)) for order in draws]
    means = torch.tensor([_weighted(values, size, count) for values in batches], dtype=torch.float64)
    spread = float(torch.tensor(batches[0], dtype=torch.float64).std())
    if not (bool(means.isfinite().all()) and torch.tensor(whole).isfinite()):
        raise Unanswerable(f"the metric is no number on some batches of {size} samples")
    powers = [2**power for power in range((count - 1).bit_length())]
    points = [
        (power, _weighted(_values(collected, metric, torch.split(draws[0], power)), power, count))
        for power in powers
    ]
    return Curve(
        points=(*points, (count, whole)),
        size=size,
        mean=float(means.mean()),
        error=float(means.std()) / DRAWS**0.5,
        whole=whole,
        scale=max(abs(whole), spread),
        samples=count,
    )


def _weighted(values: list[float], size: int, count: int) -> float:
    """Mean of the batches' values by their samples; the last batch may be smaller."""
    last = count - size * (len(values) - 1)
    return (sum(values[:-1]) * size + values[-1] * last) / count


def _values(collected: Collected, metric: Metric, cut: Iterable[Tensor]) -> list[float]:
    """The metric of each batch; NaN where it refuses one, as a score of two classes does without both."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rows in cut:
            value = float("nan")
            with contextlib.suppress(Complaint):
                value = float(scoring.user_metric(metric, *collected.rows(rows), len(rows))["metric"][0])
            found.append(value)
    return found
