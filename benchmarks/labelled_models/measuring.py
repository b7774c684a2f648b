"""Outputs in one mode or another, their distances and losses, by plain means and without evalcheck.

Distances are of outputs, squared, in units of the output's variance over samples. Every function works
on a copy of the model.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from labelled_models.case import Trained

Batches = list[tuple[Tensor, Tensor]]
Mode = Callable[[nn.Module], object]
PASSES = 16


def training(model: nn.Module) -> None:
    model.train()


def evaluating(model: nn.Module) -> None:
    model.eval()


def normalising(model: nn.Module) -> None:
    """Batch norms as in training, everything else as in eval mode."""
    model.train()
    active = [m for m in model.modules() if isinstance(m, _BatchNorm | _InstanceNorm) and m.training]
    model.eval()
    for module in active:
        module.training = True


def without_norms(model: nn.Module) -> None:
    """Everything as in training but for batch norms."""
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm | _InstanceNorm):
            module.eval()


def _output(found: Any) -> Tensor:
    return (next(iter(found.values())) if isinstance(found, dict) else found).flatten(1)


@torch.no_grad()
def run(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], mode: Mode) -> Tensor:
    """Outputs (N, D) of a copy of the model in that mode."""
    model = copy.deepcopy(model)
    mode(model)
    return torch.cat([_output(model(inputs)) for inputs, _ in batches])


def read(loader: Iterable[Any]) -> Batches:
    """All batches of a loader."""
    return [(inputs, targets) for inputs, targets in loader]


def remixed(batches: Batches, size: int, seed: int) -> tuple[Batches, Tensor]:
    """The same samples in another order and in batches of ``size``, with the way back."""
    inputs, targets = (torch.cat(part) for part in zip(*batches, strict=True))
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    parts = list(order.split(size))
    if len(parts) > 1 and len(parts[-1]) < size:
        parts[-2:] = [torch.cat(parts[-2:])]
    return [(inputs[rows], targets[rows]) for rows in parts], order.argsort()


def repeated(trained: Trained, batches: Batches, mode: Mode) -> Tensor:
    """Outputs (passes, N, D) over reshuffled batches of the training's size, samples in their order."""
    size = len(next(iter(trained.training))[0])
    runs = []
    for seed in range(PASSES):
        mixed, back = remixed(batches, size, seed)
        runs.append(run(trained.model, mixed, mode)[back])
    return torch.stack(runs)


def loss(output: Tensor, batches: Batches) -> float:
    """Cross entropy, or the squared error in units of the targets' variance."""
    targets = torch.cat([targets for _, targets in batches])
    if targets.is_floating_point():
        return float((output - targets.flatten(1)).square().mean() / targets.var())
    return float(F.cross_entropy(output, targets))


def apart(one: Tensor, two: Tensor) -> float:
    """Between (N, D) and (N, D), or the mean of several noisy passes (P, N, D), free of their noise."""
    mean, noise = two, torch.zeros(())
    if two.ndim == 3:
        mean, noise = two.mean(0), two.var(0).sum(1) / len(two)
    return float(((one - mean).square().sum(1) - noise).mean() / mean.var(0).sum())


@torch.no_grad()
def recalibrated(trained: Trained, mode: Mode) -> nn.Module:
    """A copy whose batch norms hold pooled statistics of what they are given under ``mode``."""
    model = copy.deepcopy(trained.model)
    mode(model)
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.training and m.track_running_stats]
    seen: dict[nn.Module, list[Tensor]] = {norm: [] for norm in norms}

    def keep(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen[norm].append(inputs[0].transpose(0, 1).flatten(1))

    handles = [norm.register_forward_pre_hook(keep) for norm in norms]
    for inputs, _ in trained.training:
        model(inputs)
    for handle in handles:
        handle.remove()
    model.eval()
    for norm, parts in seen.items():
        values = torch.cat(parts, 1)
        norm.running_mean, norm.running_var = values.mean(1), values.var(1)
    return model


def mean_loss(passes: Tensor, batches: Batches) -> float:
    """Over passes (P, N, D): their mean output would be better than each of them."""
    return sum(loss(output, batches) for output in passes) / len(passes)
