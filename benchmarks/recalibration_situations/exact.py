"""The statistics that eval mode should have, layer by layer, and how far others are from them.

Norm k gets mean and variance of its input over every sample of the loader, with norms 1 to k - 1 on theirs
already and everything in eval mode: the moments that the norm meets when the model is used. This takes a
pass for each norm (Wu and Johnson, arXiv 2105.07576, appendix A.4), and no batch's size or order matters.
A frozen norm's own statistics are right.
Sums are taken in float64 of the norm's input as it is.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from recalibration_situations.case import Case


@dataclass(frozen=True)
class Exact:
    """Mean and biased variance (C,) float64 of one norm's input."""

    mean: Tensor
    var: Tensor


def norms_of(model: nn.Module) -> dict[str, _BatchNorm]:
    return {path: module for path, module in model.named_modules() if isinstance(module, _BatchNorm)}


@torch.no_grad()
def exact(case: Case) -> tuple[dict[str, Exact], nn.Module]:
    """The exact statistics by the norms' paths, and a copy of the model that has them, in eval mode."""
    model = copy.deepcopy(case.model).eval()
    norms, found, batches = norms_of(model), {}, list(case.feed)
    for path in _in_order(case, model, norms, batches):
        if path in case.frozen:
            found[path] = Exact(norms[path].running_mean.double(), norms[path].running_var.double())
            continue
        found[path] = _moments(case, model, norms[path], batches)
        norms[path].running_mean.copy_(found[path].mean)
        norms[path].running_var.copy_(found[path].var)
    return found, model


def _in_order(
    case: Case, model: nn.Module, norms: Mapping[str, _BatchNorm], batches: Sequence[Any]
) -> list[str]:
    """The norms in the order in which a forward calls them."""
    order: list[str] = []
    hooks = [
        norm.register_forward_pre_hook(lambda *_, path=path: order.append(path))
        for path, norm in norms.items()
    ]
    with case.around():
        case.call(model, batches[0])
    for hook in hooks:
        hook.remove()
    return list(dict.fromkeys(order))


def _moments(case: Case, model: nn.Module, norm: nn.Module, batches: Sequence[Any]) -> Exact:
    """In two passes over its inputs, which are kept: nothing is lost in differences of large numbers."""
    seen: list[Tensor] = []
    hook = norm.register_forward_pre_hook(
        lambda _, args: seen.append(args[0].transpose(0, 1).flatten(1).double())
    )
    with case.around():
        for batch in batches:
            case.call(model, batch)
    hook.remove()
    var, mean = torch.var_mean(torch.cat(seen, 1), dim=1, correction=0)
    return Exact(mean, var)


def error(model: nn.Module, truth: Mapping[str, Exact]) -> float:
    """By how much normalised values are off, in % of their standard deviation; nan where any is no number.

    A norm with running mean m and variance v gives z = (x - m) / sqrt(v + eps), the exact one z* with
    m* and v*. For inputs x with the exact moments

        E[(z - z*)^2] = v* (1 / sqrt(v + eps) - 1 / sqrt(v* + eps))^2 + (m* - m)^2 / (v + eps)

    which is averaged over the channels of each norm, then over the norms; 100 times its root is the error.
    """
    squares = []
    for path, norm in norms_of(model).items():
        if path not in truth:
            continue
        mean, var, true = norm.running_mean.double(), norm.running_var.double(), truth[path]
        scale, wanted = (var + norm.eps).rsqrt(), (true.var + norm.eps).rsqrt()
        square = true.var * (scale - wanted).square() + ((true.mean - mean) * scale).square()
        squares.append(float(square.mean()))
    return 100 * math.sqrt(sum(squares) / len(squares))
