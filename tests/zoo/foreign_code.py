"""Models part of which does not run as plain Python, or not as itself."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tests.zoo.batches import WIDTH


class Gate(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = torch.sigmoid(x)
        return x * y if x.dim() == 2 else x


def scripted() -> nn.Module:
    """A scripted part between plain ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gate = torch.jit.script(Gate())
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), gate, nn.BatchNorm1d(WIDTH))


def compiled() -> nn.Module:
    """A compiled part between plain ones."""
    inner = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.ReLU())
    part = torch.compile(inner, backend="eager")
    assert isinstance(part, nn.Module)
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), part, nn.Dropout(0.1))


class Checkpointed(nn.Module):
    """Computes a block anew in the backward pass."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, WIDTH)
        self.block = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Dropout(0.1), nn.LayerNorm(WIDTH))
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        if self.training:
            return checkpoint(self.block, x, use_reentrant=self.reentrant)
        return self.block(x)


class Rounded(torch.autograd.Function):
    """Rounds forward, passes gradients straight through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x * 8).round() / 8

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class Custom(nn.Module):
    """A custom autograd function."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(Rounded.apply(self.layer(x)))


def parallel() -> nn.Module:
    """Wrapped for several devices, where there is none."""
    return nn.DataParallel(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU()))


def hooked() -> nn.Module:
    """Hooks before and after that change what passes, in an order that matters."""
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2))
    model[0].register_forward_pre_hook(lambda _module, args: (args[0] + 1,))
    model[0].register_forward_pre_hook(lambda _module, args: (args[0] * 2,))
    model[1].register_forward_hook(lambda _module, _args, output: output * 3)
    model[1].register_forward_hook(lambda _module, _args, output: output - 1, prepend=True)
    return model


def lazy() -> nn.Module:
    """Layers that take their shapes from the first batch."""
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))


class ThroughNumpy(nn.Module):
    """A step that numpy does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        ordered = torch.from_numpy(x.detach().numpy()[:, ::-1].copy())
        return self.norm(self.layer(ordered) + x)


class Mapped(nn.Module):
    """A function over single samples, mapped over the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(torch.func.vmap(lambda row: row * row.softmax(0))(self.layer(x)))
