"""Small nets with batch norms, and what their statistics should be, computed the long way."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def net(dropout: float = 0.5, seed: int = 0) -> nn.Sequential:
    """Two norms, the second behind dropout and ReLU; (N, 3, 4, 4) in, (N, 4) out."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Flatten(),
        nn.Linear(24, 4),
        nn.BatchNorm1d(4),
    )


def inputs(count: int, seed: int = 0) -> Tensor:
    """Samples of two kinds: every second one is far from the others."""
    draw = torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    draw[1::2] += 2.0
    return draw


def batches(x: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    """As a loader gives them: inputs and classes."""
    return [(part, torch.arange(len(part)) % 4) for part in x.split(size)]


def exact(model: nn.Sequential, x: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Layer by layer over all samples at once in float64: means and unbiased variances, (C,)."""
    found, h = {}, x.double()
    for name, layer in model.double().eval().named_children():
        if isinstance(layer, _BatchNorm):
            flat = h.transpose(0, 1).flatten(1)
            found[name] = flat.mean(1).detach(), flat.var(1).detach()
            biased = flat.var(1, correction=0)
            shape = (1, -1, *(1 for _ in h.shape[2:]))
            h = (h - found[name][0].view(shape)) / (biased + layer.eps).sqrt().view(shape)
            h = h * layer.weight.view(shape) + layer.bias.view(shape)
        else:
            h = layer(h)
    return found


def statistics(model: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    """What the norms hold."""
    return {
        path: (m.running_mean.clone(), m.running_var.clone())
        for path, m in model.named_modules()
        if isinstance(m, _BatchNorm) and m.running_mean is not None
    }
