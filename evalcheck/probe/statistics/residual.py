"""How much of a norm's running statistics is still what it was built with: mean 0 and variance 1."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.probe.statistics.moments import Moments, running, symmetric_kl

# Below this share of what is wrong, the fit has explained it: measured shares stay below 0.011, those of
# statistics that are old for another reason above 0.65.
EXPLAINED = 0.2


@dataclass(frozen=True)
class Residual:
    """``weight`` is rho in running = rho * start + (1 - rho) * data.

    ``unexplained`` is the share that the best rho leaves of running - data, 1 where the start explains
    nothing; or k / (1 + k) with the divergence k of the running statistics from that mixture, where this
    is more: seen from data that are far away, all small numbers look like the start.
    """

    weight: float
    unexplained: float

    @property
    def explains(self) -> bool:
        """Whether the start is what is wrong with these statistics."""
        return self.unexplained < EXPLAINED


def fitted(norm: _BatchNorm, data: Moments, per_batch: int) -> Residual | None:
    """Least squares over the channels' means and variances; None where start and data cannot be told apart.

    An exponential average that starts at (0, 1) is rho * start + (1 - rho) * data once the data stand
    still, for one rho in all channels (rho = (1 - m)^n if m was constant): the fit needs no counter. Means
    count in standard deviations, variances in their own size; ``per_batch`` values a channel make Bessel's
    factor n / (n - 1), which running variances hold.
    """
    now = running(norm)
    var = data.var * (per_batch / max(1, per_batch - 1))
    scale = now.var + var + norm.eps
    off = torch.cat([(now.mean - data.mean) / scale.sqrt(), (now.var - var) / scale])
    start = torch.cat([-data.mean / scale.sqrt(), (1 - var) / scale])
    alive = torch.isfinite(off) & torch.isfinite(start)
    off, start = off[alive], start[alive]
    length, wrong = float(start.square().sum()), float(off.square().sum())
    if length < 1e-6 * max(1, len(start)) or wrong == 0:
        return Residual(0.0, 1.0) if length else None
    weight = min(1.0, max(0.0, float(off @ start) / length))
    left = float((off - weight * start).square().sum()) / wrong
    mixture = Moments(1, (1 - weight) * data.mean, weight + (1 - weight) * var)
    apart = float(symmetric_kl(now, mixture, norm.eps).nanmean())
    return Residual(weight, min(1.0, max(left, apart / (1 + apart))))


def expected(norm: _BatchNorm, momentum: float | None) -> float | None:
    """(1 - m)^n with n from ``num_batches_tracked``, which counts calls; None where nothing was counted.

    An average over all batches (momentum None) forgets its start with the first of them.
    """
    count = getattr(norm, "num_batches_tracked", None)
    if count is None or int(count) == 0:
        return None
    return 0.0 if momentum is None else float((1 - momentum) ** int(count))


def at_start(norm: _BatchNorm) -> bool:
    """Whether the running statistics are exactly those of construction."""
    now = running(norm)
    return not bool(now.mean.any()) and bool((now.var == 1).all())
