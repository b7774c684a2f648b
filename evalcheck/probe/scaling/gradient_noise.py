"""The gradient noise scale: how large a batch must be before its gradient is more mean than noise.

B_simple = tr(Sigma) / |G|^2 (McCandlish et al., arXiv 1812.06162, equation 2.9), where G is the mean of
the samples' gradients and Sigma their covariance. Both are estimated without bias from the squared norms
of gradients at two batch sizes (their appendix A.1), and divided only then:

    |G|^2     = (B |g_B|^2 - b |g_b|^2) / (B - b)
    tr(Sigma) = (|g_b|^2 - |g_B|^2) / (1 / b - 1 / B)

The large batch is the mean of the small ones: that holds only where a sample's gradient does not depend on
its batch, so norms stay on their running statistics. With batch statistics another size is another function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from evalcheck.finding import Unanswerable
from evalcheck.measurement import GradientNoise

LEAST_GROUPS = 4


@dataclass(frozen=True)
class Squares:
    """|G|^2 and tr(Sigma), estimated without bias: either may come out negative."""

    mean: float
    noise: float


def squares(gram: Tensor, size: int) -> Squares:
    """From the inner products (k, k) of the mean gradients of k >= 2 groups of ``size`` samples each."""
    count = len(gram)
    small, large = float(gram.diagonal().mean()), float(gram.mean())
    most = size * count
    mean = (most * large - size * small) / (most - size)
    return Squares(mean, (small - large) / (1 / size - 1 / most))


def noise_scale(gram: Tensor, size: int) -> GradientNoise:
    """B_simple with a 95 % interval by jackknife over the groups, of |G|^2 and of the logarithm.

    ``gram`` is (k, k) float64 as in :func:`squares`. Raises :class:`Unanswerable` where the interval of |G|^2
    holds zero: the ratio has then no upper end, and its lower end is told.
    """
    count = len(gram)
    if count < LEAST_GROUPS:
        raise Unanswerable(f"it takes {LEAST_GROUPS} groups of samples or more")
    found = squares(gram, size)
    without = [squares(_without(gram, index), size) for index in range(count)]
    most = QUANTILES[count]
    half = most * _error(found.mean, [one.mean for one in without])
    if found.mean - half <= 0 or found.noise <= 0 or any(min(one.mean, one.noise) <= 0 for one in without):
        upper = found.mean + half
        known = upper > 0 and found.noise > 0
        least = f": the noise scale is above {found.noise / upper:,.0f} samples" if known else ""
        raise Unanswerable(
            f"the mean gradient of {size * count} samples does not stand out of its noise{least}"
        )
    value = torch.tensor(found.noise / found.mean, dtype=torch.float64).log()
    logs = [torch.tensor(one.noise / one.mean, dtype=torch.float64).log() for one in without]
    half = most * _error(float(value), [float(one) for one in logs])
    low, middle, high = ((value + shift * half).exp() for shift in (-1, 0, 1))
    return GradientNoise(float(middle), (float(low), float(high)), size, size * count)


def gram_of(groups: int, gradient: Callable[[int], list[Tensor]]) -> Tensor:
    """Inner products (k, k) float64 of k groups' gradients, each a list of tensors of the same shapes."""
    kept = [gradient(group) for group in range(groups)]
    products = torch.zeros(groups, groups, dtype=torch.float64)
    for parts in zip(*kept, strict=True):
        flat = torch.stack([part.flatten() for part in parts]).float()
        products += (flat @ flat.T).double().cpu()
    return products


def _without(gram: Tensor, index: int) -> Tensor:
    kept = [other for other in range(len(gram)) if other != index]
    return gram[kept][:, kept]


def _error(value: float, without: list[float]) -> float:
    """Standard error by the jackknife (Quenouille, Tukey): spread of the values that leave one group out."""
    count = len(without)
    mean = sum(without) / count
    return float((sum((one - mean) ** 2 for one in without) * (count - 1) / count) ** 0.5)


# Student's t, 97.5 %, for k groups: k - 1 degrees of freedom.
QUANTILES = dict(
    enumerate(
        (3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131),
        start=LEAST_GROUPS,
    )
)
