"""Population statistics of the inputs of norms: pooled over batches, kept apart by call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm


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

    def __add__(self, other: Moments) -> Moments:
        n = self.n + other.n
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.n / n)
        return Moments(n, mean, self.m2 + other.m2 + delta.square() * (self.n * other.n / n))

    @classmethod
    def of(cls, x: Tensor) -> Moments:
        """Of one norm input of shape (N, C) or (N, C, ...)."""
        exact = torch.float32 if x.device.type == "mps" else torch.float64
        flat = x.detach().transpose(0, 1).flatten(1).float()
        var, mean = torch.var_mean(flat, dim=1, correction=0)
        n = flat.shape[1]
        return cls(n, mean.to(exact), var.to(exact) * n)


@dataclass
class CallMoments:
    """The moments of one norm, call by call within a forward, and over all calls."""

    calls: list[Moments]
    per_batch: list[int]
    momentum: float | None = None

    @property
    def converged(self) -> Moments:
        """What training's moving average tends to over the calls, which is not what pooling gives.

        Each call of a forward moves the average by the momentum m, so that call j of k weighs
        (1 - m)^(k - 1 - j); and variances are averaged without the variance between the calls' means.
        """
        decay = 1 - self.momentum if self.momentum else 1.0
        weights = [decay ** (len(self.calls) - 1 - j) for j in range(len(self.calls))]
        n, total = self.calls[0].n, sum(weights)
        mean, m2 = torch.zeros_like(self.calls[0].mean), torch.zeros_like(self.calls[0].mean)
        for weight, call in zip(weights, self.calls, strict=True):
            mean += weight / total * call.mean
            m2 += weight / total * call.var * n
        return Moments(n, mean, m2)

    @property
    def pooled(self) -> Moments:
        """The statistics of all calls' inputs together."""
        total = self.calls[0]
        for call in self.calls[1:]:
            total = total + call
        return total


class Collector:
    """Fills a table of :class:`CallMoments` while the model runs; :meth:`restart` before each batch."""

    def __init__(self) -> None:
        self.table: dict[str, CallMoments] = {}
        self._next: dict[str, int] = {}

    def restart(self) -> None:
        """A new forward begins: the next call of each norm is its first."""
        self._next.clear()

    def see(self, path: str, x: Tensor, momentum: float | None) -> None:
        """Add the input of the next call of a norm, and the momentum that holds for it."""
        seen = Moments.of(x)
        entry = self.table.setdefault(path, CallMoments([], []))
        entry.momentum = momentum
        call = self._next.get(path, 0)
        self._next[path] = call + 1
        if call < len(entry.calls):
            entry.calls[call] = entry.calls[call] + seen
        else:
            entry.calls.append(seen)
            entry.per_batch.append(seen.n)


def given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """What a norm was called with: ``norm(x)`` or ``norm(input=x)``."""
    x: Tensor = args[0] if args else kwargs["input"]
    return x


@contextmanager
def collecting(norms: Mapping[str, _BatchNorm]) -> Iterator[Collector]:
    """Collect the statistics of everything that these norms are given inside the block."""
    collector = Collector()
    hooks = [
        norm.register_forward_pre_hook(
            lambda norm, args, kwargs, path=path: collector.see(path, given(args, kwargs), norm.momentum),
            with_kwargs=True,
        )
        for path, norm in norms.items()
    ]
    try:
        yield collector
    finally:
        for hook in hooks:
            hook.remove()


def symmetric_kl(one: Moments, two: Moments, eps: float) -> Tensor:
    """Mean of the two Kullback-Leibler divergences between the channels' Gaussians, (C,).

    ``eps`` is the norm's own, added to both variances: a dead channel is then no divergence.
    """
    a, b = one.var + eps, two.var + eps
    shift = (one.mean - two.mean).square()
    return 0.25 * (a / b + b / a + shift * (1 / a + 1 / b)) - 0.5


def running(norm: _BatchNorm) -> Moments:
    """A norm's running statistics in the form of moments."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    exact = torch.float32 if norm.running_mean.device.type == "mps" else torch.float64
    return Moments(1, norm.running_mean.detach().to(exact), norm.running_var.detach().to(exact))
