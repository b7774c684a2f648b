"""Collects the statistics of what norms are given while the model runs, nearly for free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.guard.undo import take
from evalcheck.probe.running.copied import is_copy
from evalcheck.probe.statistics.moments import CallMoments, Moments
from evalcheck.probe.statistics.read_back import fresh, reads_back


@dataclass
class _Call:
    """What one call of a norm was given, batch by batch: counts, means and biased variances (C,)."""

    counts: list[int] = field(default_factory=list)
    means: list[Tensor] = field(default_factory=list)
    variances: list[Tensor] = field(default_factory=list)

    def add(self, count: int, mean: Tensor, var: Tensor) -> None:
        self.counts.append(count)
        self.means.append(mean)
        self.variances.append(var)


@dataclass
class _Lent:
    """A norm that stands on buffers of ours during one call, and what it had before."""

    norm: _BatchNorm
    mean: Tensor | None
    var: Tensor | None
    momentum: float | None
    ours: tuple[Tensor, Tensor]

    def give_back(self) -> bool:
        """The norm as it was, but for what its own forward wrote; whether the batch can be read."""
        norm = self.norm
        untouched = norm.running_mean is self.ours[0] and norm.running_var is self.ours[1]
        if norm.running_mean is self.ours[0]:
            norm.running_mean = self.mean
        if norm.running_var is self.ours[1]:
            norm.running_var = self.var
        if norm.momentum != 1.0:
            return False  # its forward wrote another momentum, which is the user's
        norm.momentum = self.momentum
        return untouched


class Collector:
    """Fills a table of :class:`CallMoments` while the model runs; :meth:`restart` before each batch.

    Nothing is read from the device while the model runs: batches are kept apart, and merged when the
    :attr:`table` is asked for.
    """

    def __init__(self, norms: Mapping[str, _BatchNorm]) -> None:
        known: dict[object, bool] = {}
        self._cheap: dict[str, bool] = {}
        for path, norm in norms.items():
            # Norms of one class are asked once; one whose forward was exchanged is a class of its own.
            kind = (
                path if "forward" in norm.__dict__ else (type(norm), getattr(norm.running_mean, "dtype", 0))
            )
            if kind not in known:
                known[kind] = reads_back(norm)
            self._cheap[path] = known[kind]
        self._calls: dict[str, list[_Call]] = {}
        self._norms = dict(norms)
        self._momenta: dict[str, float | None] = {}
        self._next: dict[str, int] = {}
        self._lent: dict[str, _Lent] = {}

    def restart(self) -> None:
        """A new forward begins: the next call of each norm is its first."""
        self._next.clear()

    def before(self, path: str, norm: _BatchNorm, x: Tensor) -> None:
        """A norm is called: it gets buffers of ours where it will leave the batch's statistics in them."""
        if is_copy(norm, self._norms[path]):
            return
        self._take_back(path)
        self._momenta[path] = norm.momentum
        if not self._cheap[path] or not (norm.training and norm.track_running_stats) or not _many(x):
            self._entry(path).add(*_moments(x))
            return
        lent = _Lent(norm, norm.running_mean, norm.running_var, norm.momentum, fresh(norm))
        norm.running_mean, norm.running_var = lent.ours
        norm.momentum = 1.0
        self._lent[path] = lent

    def after(self, path: str, norm: _BatchNorm, x: Tensor) -> None:
        """The call is over: read what it left, and put the norm back."""
        lent = None if is_copy(norm, self._norms[path]) else self._lent.pop(path, None)
        if lent is None:
            return
        if not lent.give_back():
            self._entry(path).add(*_moments(x))
            return
        count = x.numel() // x.shape[1]
        mean, var = lent.ours
        # torch stores the unbiased variance.
        self._entry(path).add(count, mean, var * ((count - 1) / count))

    def close(self) -> None:
        """Put back what a forward that raised left behind."""
        for path in [*self._lent]:
            self._take_back(path)

    @property
    def table(self) -> dict[str, CallMoments]:
        """The statistics of every norm that ran, over all batches so far."""
        return {path: self._merged(path, calls) for path, calls in self._calls.items()}

    def take(self) -> dict[str, CallMoments]:
        """The :attr:`table` so far; what comes later is counted anew."""
        table = self.table
        self._calls = {}
        return table

    def _merged(self, path: str, calls: list[_Call]) -> CallMoments:
        merged = [Moments.merged(call.counts, call.means, call.variances) for call in calls]
        between = [_between(call.means) for call in calls]
        return CallMoments(merged, [call.counts[0] for call in calls], self._momenta[path], between)

    def _take_back(self, path: str) -> None:
        lent = self._lent.pop(path, None)
        if lent is not None:
            lent.give_back()

    def _entry(self, path: str) -> _Call:
        calls = self._calls.setdefault(path, [])
        call = self._next.get(path, 0)
        self._next[path] = call + 1
        while call >= len(calls):
            calls.append(_Call())
        return calls[call]


def _many(x: Tensor) -> bool:
    """Whether there is more than one value a channel: torch refuses a single one, in its own words."""
    return x.ndim >= 2 and x.shape[1] > 0 and x.numel() // x.shape[1] > 1


def _moments(x: Tensor) -> tuple[int, Tensor, Tensor]:
    """Count, mean and biased variance of one input by a reduction of our own, (N, C) or (N, C, ...)."""
    flat = x.detach().transpose(0, 1).flatten(1)
    flat = flat if flat.dtype is torch.float64 else flat.float()
    var, mean = torch.var_mean(flat, dim=1, correction=0)
    return flat.shape[1], mean, var


def _between(means: list[Tensor]) -> Tensor | None:
    """Variance of the batches' means, (C,); None of a single batch."""
    return torch.stack(means).var(0) if len(means) > 1 else None


def given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """What a norm was called with: ``norm(x)`` or ``norm(input=x)``."""
    x: Tensor = args[0] if args else kwargs["input"]
    return x


@contextmanager
def collecting(norms: Mapping[str, _BatchNorm]) -> Iterator[Collector]:
    """Collect the statistics of everything that these norms are given inside the block.

    The norms leave the block with the buffers and the momentum that they had; but for that, use it
    under the guard: they count the batches that they saw.
    """
    collector = Collector(norms)
    hooks = []
    try:
        for path, norm in norms.items():
            hooks.append(
                norm.register_forward_pre_hook(
                    lambda norm, args, kwargs, path=path: collector.before(path, norm, given(args, kwargs)),
                    with_kwargs=True,
                )
            )
            hooks.append(
                norm.register_forward_hook(
                    lambda norm, args, kwargs, _, path=path: collector.after(path, norm, given(args, kwargs)),
                    with_kwargs=True,
                )
            )
        yield collector
    finally:
        take([*(hook.remove for hook in hooks), collector.close])
