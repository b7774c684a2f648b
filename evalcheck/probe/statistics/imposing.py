"""Runs norms in eval mode on statistics that are given to them, call by call, without writing code.

The statistics are imposed on the norm's input by an affine map, so that every subclass of batch
norm, with whatever it does besides, is served by one mechanism; and the map is differentiable in
the gates that blend the running statistics into the given ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.probe.running.copied import is_copy
from evalcheck.probe.statistics.collecting import given as given_to
from evalcheck.probe.statistics.moments import Moments, running

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


@contextmanager
def imposed(
    norms: Mapping[str, _BatchNorm],
    given: Mapping[str, Sequence[Moments]],
    gates: Mapping[str, Tensor] | None = None,
) -> Iterator[Callable[[], None]]:
    """Norms normalise their k-th call with ``given[path][k]`` (the last entry serves further calls).

    With ``gates``, mean and variance are ``running + gate * (given - running)``, each gate a scalar
    tensor. Yields a function to call before each forward. The norms' buffers are replaced inside and
    put back: use it in eval mode.
    """
    counts: dict[str, int] = {}
    hooks, kept = [], []
    for path, norm in norms.items():
        if path not in given:
            continue
        start = running(norm)
        kept.append((norm, norm.running_mean, norm.running_var))
        # With mean 0 and variance 1 - eps the norm itself becomes the identity, then its affine part.
        norm.running_mean = torch.zeros_like(start.mean, dtype=torch.float32)
        norm.running_var = torch.full_like(norm.running_mean, 1 - norm.eps)
        gate = gates[path] if gates is not None else None
        hook = _map(path, norm, start, given[path], counts, gate)
        hooks.append(norm.register_forward_pre_hook(hook, with_kwargs=True))
    try:
        yield counts.clear
    finally:
        for handle in hooks:
            handle.remove()
        for norm, mean, var in kept:
            norm.running_mean, norm.running_var = mean, var


def _map(
    path: str,
    norm: _BatchNorm,
    start: Moments,
    given: Sequence[Moments],
    counts: dict[str, int],
    gate: Tensor | None,
) -> Callable[[nn.Module, Args, Kwargs], tuple[Args, Kwargs]]:
    def hook(called: nn.Module, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
        x = given_to(args, kwargs)
        call = counts.get(path, 0)
        # A copy stands on the same statistics, and is no further call.
        counts[path] = call + (not is_copy(called, norm))
        target = given[min(call, len(given) - 1)]
        mean, var = target.mean, target.var
        if gate is not None:
            mean = start.mean + gate * (mean - start.mean)
            var = start.var + gate * (var - start.var)
        shape = (1, -1, *(1 for _ in x.shape[2:]))
        scale = (var + norm.eps).rsqrt()
        mapped = (x - mean.to(x.dtype).view(shape)) * scale.to(x.dtype).view(shape)
        return ((mapped, *args[1:]), kwargs) if args else (args, {**kwargs, "input": mapped})

    return hook


def write(norms: Mapping[str, _BatchNorm], given: Mapping[str, Moments]) -> None:
    """Put statistics into the norms' running buffers; a variance gets Bessel's factor, as torch stores it."""
    with torch.no_grad():
        for path, moments in given.items():
            norm = norms[path]
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_(moments.mean)
            norm.running_var.copy_(moments.unbiased)
