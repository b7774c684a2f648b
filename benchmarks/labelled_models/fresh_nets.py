"""The fresh part's networks: points, dense and dilated convolutions, mixers, tables, memories."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]
groups = partial(nn.GroupNorm, 4)


class Points(nn.Module):
    """A perceptron for each point (N, 3, P), the largest over points, a layer with a norm, a head."""

    def __init__(self, norm: Norm = nn.BatchNorm1d, late: Norm = nn.BatchNorm1d, width: int = 24) -> None:
        super().__init__()
        self.enter, self.sample = nn.Identity(), nn.Identity()
        self.lift, self.lift_norm = nn.Conv1d(3, width, 1), norm(width)
        self.deep, self.deep_norm = nn.Conv1d(width, 2 * width, 1), norm(2 * width)
        self.pooled = nn.Identity()
        self.mix, self.mix_norm = nn.Linear(2 * width, width), late(width)
        self.head = nn.Linear(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.lift_norm(self.lift(self.sample(self.enter(x)))))
        x = torch.relu(self.deep_norm(self.deep(x))).amax(2)
        return self.head(torch.relu(self.mix_norm(self.mix(self.pooled(x)))))


class Grown(nn.Module):
    """Norm, ReLU, a convolution and ``drop``: new channels beside those there were."""

    def __init__(self, width: int, growth: int, norm: Norm, drop: nn.Module) -> None:
        super().__init__()
        self.norm, self.conv, self.drop = norm(width), nn.Conv2d(width, growth, 3, padding=1), drop

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.drop(self.conv(torch.relu(self.norm(x))))], 1)


class Dense(nn.Module):
    """Densely connected convolutions over images."""

    def __init__(self, norm: Norm = nn.BatchNorm2d, rate: float = 0.0, last: float = 0.0, inputs: int = 1):
        super().__init__()
        self.stem = nn.Conv2d(inputs, 12, 3, 2, 1)
        self.layers = nn.ModuleList([Grown(12 + 8 * k, 8, norm, nn.Dropout(rate)) for k in range(3)])
        self.norm, self.dropout, self.head = norm(36), nn.Dropout(last), nn.Linear(36, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.dropout(torch.relu(self.norm(x)).mean((2, 3))))


class Dilated(nn.Module):
    """x + keep(relu(norm(dilated convolution of x)))."""

    def __init__(self, width: int, dilation: int, norm: Norm, wrap: Callable = lambda conv: conv) -> None:
        super().__init__()
        self.conv = wrap(nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation))
        self.norm, self.keep = norm(width), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.keep(torch.relu(self.norm(self.conv(x))))


class Temporal(nn.Module):
    """Residual dilated convolutions over a series (N, channels, T), the mean over time, ``neck``, a head."""

    def __init__(self, norm: Norm = nn.BatchNorm1d, channels: int = 2, width: int = 16, **options) -> None:
        super().__init__()
        self.enter = nn.Conv1d(channels, width, 3, 2, 1)
        self.levels = nn.ModuleList([Dilated(width, 2**k, norm, **options) for k in range(3)])
        self.neck, self.head = nn.Identity(), nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        for level in self.levels:
            x = level(x)
        return self.head(self.neck(x.mean(2)))


class Mixing(nn.Module):
    """Mixes rows, then features, each behind a norm and in front of dropout."""

    def __init__(self, rows: int, width: int, norm: Norm, rate: float) -> None:
        super().__init__()
        self.one, self.two = norm(width), norm(width)
        self.rows, self.features = nn.Linear(rows, rows), nn.Linear(width, width)
        self.dropout = nn.Dropout(rate)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(nn.functional.gelu(self.rows(self.one(x).transpose(1, 2)).transpose(1, 2)))
        return x + self.dropout(nn.functional.gelu(self.features(self.two(x))))


class Mixer(nn.Module):
    """Rows of an image, embedded and mixed twice."""

    def __init__(self, norm: Norm = nn.LayerNorm, rate: float = 0.0, width: int = 24) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.mixing = nn.Sequential(*[Mixing(8, width, norm, rate) for _ in range(2)])
        self.neck, self.head = nn.Identity(), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.neck(self.mixing(self.embed(x)).mean(1)))


class Viewer(nn.Module):
    """A class token and rows of an image through an encoder, norms first; a neck and a head."""

    def __init__(self, rate: float, width: int = 24) -> None:
        super().__init__()
        self.embed, self.token = nn.Linear(8, width), nn.Parameter(torch.zeros(1, 1, width))
        self.place = nn.Parameter(0.2 * torch.randn(9, width))
        one = nn.TransformerEncoderLayer(width, 3, 48, rate, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(one, 2, enable_nested_tensor=False)
        self.project, self.neck = nn.Linear(width, width), nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.token.expand(len(x), -1, -1), self.embed(x)], 1)
        found = self.project(self.encoder(x + self.place)[:, 0])
        return self.head(torch.relu(self.neck(found)))


def perceptron(*widths: int, norm: Norm = nn.BatchNorm1d) -> nn.Sequential:
    """Linear, norm and ReLU between widths, three modules each; the last is linear alone."""
    parts: list[nn.Module] = []
    for one, two in pairwise(widths[:-1]):
        parts += [nn.Linear(one, two), norm(two), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(*widths[-2:]))


class Memory(nn.Module):
    """A recurrent net over a series (N, 2, T), four steps at a time; a norm on its last state and a head."""

    def __init__(self, kind: type[nn.RNNBase] = nn.GRU, rate: float = 0.0, norm: Norm = nn.BatchNorm1d):
        super().__init__()
        self.memory = kind(8, 24, num_layers=2, dropout=rate, batch_first=True)
        self.project, self.norm, self.head = nn.Linear(24, 24), norm(24), nn.Linear(24, 3)

    def start(self, x: Tensor) -> Tensor | None:
        return None

    def forward(self, x: Tensor) -> Tensor:
        steps = x.unflatten(2, (-1, 4)).transpose(1, 2).flatten(2)
        last = self.memory(steps, self.start(x))[0][:, -1]
        return self.head(torch.relu(self.norm(self.project(last))))
