"""Population statistics of the inputs of norms: pooled over batches, kept apart by call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.probe.statistics.pairs import WITHOUT_FLOAT64, Pair

# A channel whose variance is this small a part of the others' is dead and says nothing.
TINY = 1e-6


@dataclass
class Moments:
    """Count, mean and sum of squared deviations per channel; ``mean`` and ``m2`` are (C,).

    Merged by Chan, Golub and LeVeque (1979), so that every sample weighs the same and the
    variance is E[var] + Var[mean] of the batches: the population form of PreciseBN (Wu and
    Johnson, arXiv 2105.07576, section 3). float64, or float32 on devices without it.
    """

    n: int
    mean: Tensor
    m2: Tensor

    @property
    def var(self) -> Tensor:
        return self.m2 / self.n

    @property
    def unbiased(self) -> Tensor:
        """The variance with Bessel's factor, as torch stores it."""
        return self.m2 / max(1, self.n - 1)

    def __add__(self, other: Moments) -> Moments:
        n = self.n + other.n
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.n / n)
        return Moments(n, mean, self.m2 + other.m2 + delta.square() * (self.n * other.n / n))

    @classmethod
    def of(cls, x: Tensor) -> Moments:
        """Of one norm input of shape (N, C) or (N, C, ...)."""
        flat = x.detach().transpose(0, 1).flatten(1).float()
        var, mean = torch.var_mean(flat, dim=1, correction=0)
        return cls.merged([flat.shape[1]], [mean], [var])

    @classmethod
    def merged(cls, counts: Sequence[int], means: Sequence[Tensor], variances: Sequence[Tensor]) -> Moments:
        """Of batches with these counts, means and biased variances (C,), in their own precision.

        Merged in float64, or in pairs of float32 and rounded once at the end.
        """
        if means[0].device.type not in WITHOUT_FLOAT64:
            each, mean = torch.stack([*variances]).double(), torch.stack([*means]).double()
            n = torch.tensor(counts, dtype=torch.float64, device=mean.device).unsqueeze(1)
            centre = (n * mean).sum(0) / sum(counts)
            return cls(sum(counts), centre, (n * (each + (mean - centre).square())).sum(0))
        # A pair has the arithmetic of a tensor, as far as merging needs it.
        parts = [
            cls(n, cast(Tensor, Pair.of(mean, mean)), cast(Tensor, Pair.of(var, var) * float(n)))
            for n, mean, var in zip(counts, means, variances, strict=True)
        ]
        total = sum(parts[1:], parts[0])
        return cls(total.n, cast(Any, total.mean).rounded, cast(Any, total.m2).rounded)


@dataclass
class CallMoments:
    """The moments of one norm, call by call within a forward, and over all calls.

    ``per_batch`` counts the values a channel of one batch, ``between`` holds the variance (C,) of the
    batches' means: both call by call.
    """

    calls: list[Moments]
    per_batch: list[int]
    momentum: float | None = None
    between: list[Tensor | None] = field(default_factory=list)

    @property
    def converged(self) -> Moments:
        """What training's moving average tends to, which is not what pooling gives.

        It averages the batches' unbiased variances, without the variance between their means: batches that
        are small, or alike inside, differ there. Each call of a forward moves the average by the momentum
        m, so that call j of k weighs (1 - m)^(k - 1 - j).
        """
        decay = 1 - self.momentum if self.momentum else 1.0
        weights = [decay ** (len(self.calls) - 1 - j) for j in range(len(self.calls))]
        n, total = self.calls[0].n, sum(weights)
        mean, m2 = torch.zeros_like(self.calls[0].mean), torch.zeros_like(self.calls[0].mean)
        for index, (weight, call) in enumerate(zip(weights, self.calls, strict=True)):
            mean += weight / total * call.mean
            m2 += weight / total * self._within(index) * (n - 1 if self._unbiased(index) else n)
        return Moments(n, mean, m2)

    def _unbiased(self, index: int) -> bool:
        """Whether the variance of :meth:`_within` holds Bessel's factor already, of every batch."""
        call, count = self.calls[index], self.per_batch[index]
        return index < len(self.between) and self.between[index] is not None and call.n >= 2 * count > 2

    def _within(self, index: int) -> Tensor:
        """Mean of the batches' unbiased variances of one call, (C,); of one batch, its own."""
        call, count = self.calls[index], self.per_batch[index]
        if not self._unbiased(index):
            return call.var
        between = cast(Tensor, self.between[index])
        batches = call.n / count
        inside = call.var - between.to(call.var) * ((batches - 1) / batches)
        return inside.clamp_min(0) * (count / (count - 1))

    def effective(self, samples: int) -> float:
        """How many independent values a channel's statistics of one batch are worth, at the worst call.

        From the batches' own means: Var(mean) = variance / n_eff, mean over channels. Neighbours in a
        feature map are alike, so that it is less than the count; one value a sample is independent.
        ``samples`` is the batch size; without four batches the count itself is returned.
        """
        found = []
        for call, count, between in zip(self.calls, self.per_batch, self.between, strict=False):
            enough = between is not None and call.n >= 4 * count and count != samples
            alive = call.var > TINY * (call.var.mean() + TINY)
            if enough and bool(alive.any()):
                ratio = float((between.to(call.var)[alive] / call.var[alive]).mean())  # type: ignore[union-attr]
                found.append(min(float(count), 1 / max(ratio, 1 / count)))
            else:
                found.append(float(count))
        return min(found, default=float(min(self.per_batch)))

    def sampling(self, samples: int) -> float:
        """What finite pools leave of divergence between equal populations: E[:func:`symmetric_kl`] = 1 / n.

        Of Gaussian values: half of it from the mean, half from the variance. n are the effective values of
        all batches.
        """
        batches = self.calls[0].n / max(1, self.per_batch[0])
        return 1 / max(1.0, self.effective(samples) * batches)

    @property
    def pooled(self) -> Moments:
        """The statistics of all calls' inputs together."""
        total = self.calls[0]
        for call in self.calls[1:]:
            total = total + call
        return total


def symmetric_kl(one: Moments, two: Moments, eps: float) -> Tensor:
    """Mean of the two Kullback-Leibler divergences between the channels' Gaussians, (C,).

    ``eps`` is the norm's own, added to both variances: a dead channel is then no divergence.
    """
    a, b = one.var + eps, two.var + eps
    shift = (one.mean - two.mean).square()
    return 0.25 * (a / b + b / a + shift * (1 / a + 1 / b)) - 0.5


def apart(one: Moments, two: Moments, eps: float) -> float:
    """The mean over channels of :func:`symmetric_kl`."""
    return float(symmetric_kl(one, two, eps).mean())


def running(norm: _BatchNorm) -> Moments:
    """A norm's running statistics in the form of moments."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    exact = torch.float32 if norm.running_mean.device.type in WITHOUT_FLOAT64 else torch.float64
    return Moments(1, norm.running_mean.detach().to(exact), norm.running_var.detach().to(exact))


def widened(noisy: Moments, quiet: Moments, eps: float) -> float:
    """Variance with dropout over that without, mean over the channels that live.

    Li et al. (arXiv 1801.05134, section 4) average max(real / moving, moving / real) over channels; this
    keeps the direction, and is above 1 where noise widens.
    """
    alive = quiet.var > eps
    if not bool(alive.any()):
        return 1.0
    return float(((noisy.var + eps) / (quiet.var + eps))[alive].mean())
