"""The frozen half's networks: other families than the tuned half's, with room for a fault between parts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]


class Stage(nn.Module):
    """``before``, a convolution over series or images, ``between``, a norm, ReLU and ``after``."""

    def __init__(
        self,
        conv: nn.Module,
        norm: nn.Module,
        before: nn.Module | None = None,
        between: nn.Module | None = None,
        after: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv, self.norm = conv, norm
        self.before, self.between = before or nn.Identity(), between or nn.Identity()
        self.after = after or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.after(torch.relu(self.norm(self.between(self.conv(self.before(x))))))


def stage1d(one: int, two: int, norm: Norm = nn.BatchNorm1d, stride: int = 1, **parts: nn.Module) -> Stage:
    return Stage(nn.Conv1d(one, two, 5, stride, padding=2), norm(two), **parts)


def stage2d(one: int, two: int, norm: Norm = nn.BatchNorm2d, stride: int = 1, **parts: nn.Module) -> Stage:
    return Stage(nn.Conv2d(one, two, 3, stride, padding=1), norm(two), **parts)


class Pooled(nn.Module):
    """Stages, the mean over what is left of time or space, and ``neck`` in front of a linear head."""

    def __init__(self, *stages: nn.Module, width: int, classes: int, neck: nn.Module | None = None) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.neck = neck or nn.Identity()
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            x = stage(x)
        return self.head(self.neck(x.flatten(2).mean(2)))


def series(norm: Norm = nn.BatchNorm1d, channels: int = 1, width: int = 16, classes: int = 4) -> Pooled:
    """Three convolutions over a series."""
    return Pooled(
        stage1d(channels, width, norm, 2),
        stage1d(width, width, norm, 2),
        stage1d(width, 2 * width, norm),
        width=2 * width,
        classes=classes,
    )


class Separable(nn.Module):
    """A convolution per channel, then one over channels, each with its norm."""

    def __init__(self, one: int, two: int, stride: int = 1, norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__()
        self.depth = nn.Conv2d(one, one, 3, stride, 1, groups=one, bias=False)
        self.point = nn.Conv2d(one, two, 1, bias=False)
        self.depth_norm, self.point_norm = norm(one), norm(two)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.depth_norm(self.depth(x)))
        return torch.relu(self.point_norm(self.point(x)))


def separable(channels: int = 1, norm: Norm = nn.BatchNorm2d, classes: int = 10) -> Pooled:
    stem = stage2d(channels, 12, norm)
    parts = Separable(12, 24, 2, norm), Separable(24, 32, 1, norm)
    return Pooled(stem, *parts, width=32, classes=classes)


class Excited(nn.Module):
    """Squeeze and excite around a convolution with a norm, in a residual branch."""

    def __init__(self, width: int, norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__()
        self.body = stage2d(width, width, norm)
        self.squeeze, self.excite = nn.Linear(width, width // 4), nn.Linear(width // 4, width)

    def forward(self, x: Tensor) -> Tensor:
        found = self.body(x)
        weight = self.excite(torch.relu(self.squeeze(found.mean((2, 3))))).sigmoid()
        return x + found * weight[:, :, None, None]


def excited(norm: Norm = nn.BatchNorm2d, classes: int = 10) -> Pooled:
    return Pooled(stage2d(1, 16, norm, 2), Excited(16, norm), Excited(16, norm), width=16, classes=classes)


class UNet(nn.Module):
    """Down once and up again with a bridge: one value per pixel."""

    def __init__(self, norm: Norm = nn.BatchNorm2d, width: int = 10) -> None:
        super().__init__()
        self.enter = stage2d(1, width, norm)
        self.down = stage2d(width, 2 * width, norm, 2)
        self.bottom = stage2d(2 * width, 2 * width, norm)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, 2)
        self.merge = stage2d(2 * width, width, norm)
        self.out = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        high = self.enter(x)
        low = self.bottom(self.down(high))
        return self.out(self.merge(torch.cat([high, self.up(low)], 1)))


class Branch(nn.Module):
    """x + keep(linear(relu(norm(x)))): the norm comes first."""

    def __init__(self, width: int, norm: Norm = nn.BatchNorm1d, keep: nn.Module | None = None) -> None:
        super().__init__()
        self.norm, self.linear, self.keep = norm(width), nn.Linear(width, width), keep or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.keep(self.linear(torch.relu(self.norm(x))))


def residual(
    columns: int, outputs: int, depth: int = 3, width: int = 32, norm: Norm = nn.BatchNorm1d
) -> nn.Sequential:
    """A residual perceptron: "0" embeds, "1" to "depth" are branches, a norm and a head follow."""
    branches = [Branch(width, norm) for _ in range(depth)]
    return nn.Sequential(
        nn.Linear(columns, width), *branches, norm(width), nn.ReLU(), nn.Linear(width, outputs)
    )


class Remembering(nn.Module):
    """A GRU over a series (N, 1, T), four values a step, a norm on its last state, ``neck`` and a head."""

    def __init__(self, rate: float = 0.0, neck: nn.Module | None = None, classes: int = 4) -> None:
        super().__init__()
        self.memory = nn.GRU(4, 24, num_layers=2, dropout=rate, batch_first=True)
        self.norm, self.neck = nn.BatchNorm1d(24), neck or nn.Identity()
        self.head = nn.Linear(24, classes)

    def forward(self, x: Tensor) -> Tensor:
        steps = x.flatten(1).unflatten(1, (-1, 4))
        return self.head(self.neck(self.norm(self.memory(steps)[0][:, -1])))


class TokenNorm(nn.Module):
    """A batch norm over the features of tokens (N, T, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.transpose(1, 2)).transpose(1, 2)


class Encoder(nn.Module):
    """One layer of attention and one of a perceptron, norms first, on embedded tokens."""

    def __init__(self, norm: Norm = nn.LayerNorm, rate: float = 0.0, width: int = 24) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, width)
        self.before, self.between, self.last = norm(width), norm(width), norm(width)
        self.attention = nn.MultiheadAttention(width, 4, dropout=rate, batch_first=True)
        self.inner = nn.Sequential(nn.Linear(width, 48), nn.GELU(), nn.Linear(48, width))
        self.dropout = nn.Dropout(rate)
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        normed = self.before(x)
        x = x + self.dropout(self.attention(normed, normed, normed, need_weights=False)[0])
        x = x + self.dropout(self.inner(self.between(x)))
        return self.head(self.last(x).mean(1))


class Experts(nn.Module):
    """Two perceptrons, mixed by a gate that sees the input too."""

    def __init__(self, columns: int, outputs: int, gate: nn.Module) -> None:
        super().__init__()
        self.experts = nn.ModuleList([residual(columns, outputs, 1) for _ in range(2)])
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        weights = self.gate(x)
        return sum(weights[:, k : k + 1] * expert(x) for k, expert in enumerate(self.experts))
