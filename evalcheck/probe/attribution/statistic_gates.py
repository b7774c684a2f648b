"""Which norm's statistics make how much of the output's difference.

Statistic gates: the model stays in eval mode while every norm's statistics move together from the
running ones (gate 0) to those of the data (gate 1). The derivative of the projected output in each
norm's gate, times the way's length, is the norm's contribution: Aumann-Shapley values (integrated
gradients on gates) by Gauss-Legendre quadrature, one point where the way is straight. Toggling the modes of
single layers instead blames the wrong ones, because a norm in train mode hides what went wrong
before it, and one in eval mode inherits it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.batch import Batch
from evalcheck.probe.running import outputs
from evalcheck.probe.statistics.imposing import imposed
from evalcheck.probe.statistics.moments import Moments

# Gauss-Legendre nodes and weights on [0, 1].
ONE_POINT = ((0.5, 1.0),)
THREE_POINTS = ((0.1127016654, 5 / 18), (0.5, 8 / 18), (0.8872983346, 5 / 18))
COMPLETE = 0.1


def contributions(
    model: nn.Module,
    norms: Mapping[str, _BatchNorm],
    given: Mapping[str, Sequence[Moments]],
    batches: Sequence[Batch],
    way: Tensor,
    leaves: Sequence[str],
    run: Callable[[Batch], object],
) -> tuple[dict[str, float], float]:
    """Each norm's part of the way from eval mode to eval mode on ``given``, and the completeness.

    ``way`` (N, D) is the difference of the two outputs' ``leaves`` for the batches' samples in order.
    Parts are of phi(s) = <f(s), way> / |way|^2; their sum, the completeness, is 1 up to the
    quadrature's error.
    One blended forward and backward per batch, three more where one point leaves more than a tenth
    unexplained. Use under the guard, in eval mode; raises ``RuntimeError`` where the model's forward
    does not carry gradients.
    """
    model.requires_grad_(False)
    parts: dict[str, float] = {}
    for rule in (ONE_POINT, THREE_POINTS):
        parts = _integrated(norms, given, batches, way, leaves, run, rule)
        if abs(sum(parts.values()) - 1) <= COMPLETE:
            break
    return parts, sum(parts.values())


def _integrated(
    norms: Mapping[str, _BatchNorm],
    given: Mapping[str, Sequence[Moments]],
    batches: Sequence[Batch],
    way: Tensor,
    leaves: Sequence[str],
    run: Callable[[Batch], object],
    rule: Sequence[tuple[float, float]],
) -> dict[str, float]:
    paths = [path for path in norms if path in given]
    parts = dict.fromkeys(paths, 0.0)
    length = float(way.double().square().sum())
    for point, weight in rule:
        gates = {path: torch.full((), point, device=way.device, requires_grad=True) for path in paths}
        start = 0
        with torch.enable_grad(), imposed(norms, given, gates) as restart:
            for batch in batches:
                restart()
                found = outputs.leaves(run(batch), batch.size, attached=True)
                if length == 0 or any(path not in found for path in leaves):
                    return {}
                projected = (outputs.wide(found, leaves) * way[start : start + batch.size]).sum()
                start += batch.size
                slopes = torch.autograd.grad(projected, list(gates.values()), allow_unused=True)
                for path, slope in zip(paths, slopes, strict=True):
                    parts[path] += 0.0 if slope is None else weight * float(slope) / length
    return parts
