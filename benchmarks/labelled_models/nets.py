"""The networks: small, with names for their parts, and room for a fault between them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]


def layer(
    inputs: int,
    outputs: int,
    *,
    norm: Norm | None = nn.BatchNorm1d,
    first: nn.Module | None = None,
    middle: nn.Module | None = None,
    last: nn.Module | None = None,
    map: Callable[[int, int], nn.Module] = nn.Linear,
) -> nn.Sequential:
    """``first``, a linear map, ``middle``, a norm, ReLU and ``last``, each by its name, where it is there."""
    parts: list[tuple[str, nn.Module | None]] = [
        ("first", first),
        ("linear", map(inputs, outputs)),
        ("middle", middle),
        ("norm", norm(outputs) if norm else None),
        ("relu", nn.ReLU()),
        ("last", last),
    ]
    return nn.Sequential(OrderedDict((name, part) for name, part in parts if part is not None))


def convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def block(
    inputs: int, outputs: int, *, norm: Norm | None = nn.BatchNorm2d, **parts: nn.Module
) -> nn.Sequential:
    """A layer over images."""
    return layer(inputs, outputs, norm=norm, map=convolution, **parts)


class Classifier(nn.Module):
    """``blocks`` one after the other, pooling of what is left of space, dropout and a linear head."""

    def __init__(self, blocks: Sequence[nn.Module], width: int, outputs: int = 10, rate: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(rate)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(x)
        return self.head(self.dropout(x.flatten(2).mean(2) if x.ndim == 4 else x))


def mlp(
    width: int = 64,
    depth: int = 2,
    *,
    inputs: int = 64,
    outputs: int = 10,
    norm: Norm | None = nn.BatchNorm1d,
    rate: float = 0.0,
    inner: float = 0.0,
) -> Classifier:
    """Dropout at ``inner`` behind every hidden layer, at ``rate`` in front of the head."""
    sizes = [inputs, *[width] * depth]
    hidden = [
        layer(one, two, norm=norm, last=nn.Dropout(inner) if inner else None) for one, two in pairwise(sizes)
    ]
    return Classifier(hidden, width, outputs, rate)


def cnn(
    channels: Sequence[int] = (12, 24), *, norm: Norm | None = nn.BatchNorm2d, rate: float = 0.0
) -> Classifier:
    """Blocks of 3 by 3 convolutions, halved in space behind the first."""
    sizes = [1, *channels]
    last: list[nn.Module | None] = [nn.MaxPool2d(2), *[None] * (len(channels) - 1)]
    made = [
        block(one, two, norm=norm, **({"last": end} if end is not None else {}))
        for one, two, end in zip(sizes, channels, last, strict=False)
    ]
    return Classifier(made, channels[-1], 10, rate)


class Residual(nn.Module):
    """x + keep(branch(x))."""

    def __init__(self, branch: nn.Module, keep: nn.Module | None = None) -> None:
        super().__init__()
        self.branch, self.keep = branch, keep or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.keep(self.branch(x))


def residual_cnn(width: int = 12, depth: int = 8) -> Classifier:
    """A stem and ``depth`` residual blocks, each with one batch norm: ``depth`` + 1 in all."""
    stem = block(1, width, last=nn.MaxPool2d(2))
    return Classifier([stem, *[Residual(block(width, width)) for _ in range(depth)]], width)


def residual_mlp(keeps: Sequence[nn.Module], width: int = 48) -> Classifier:
    """Residual layers with layer norm, each behind one of ``keeps``."""
    first = layer(64, width, norm=nn.LayerNorm)
    rest = [Residual(layer(width, width, norm=nn.LayerNorm), keep) for keep in keeps]
    return Classifier([first, *rest], width)


class Transformer(nn.Module):
    """Rows of an image as tokens, an encoder, the mean over tokens, a linear head."""

    def __init__(self, rate: float, layers: int = 2, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.position = nn.Parameter(torch.randn(8, width) * 0.1)
        one = nn.TransformerEncoderLayer(width, 4, 2 * width, rate, batch_first=True)
        self.encoder = nn.TransformerEncoder(one, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x) + self.position).mean(1))


class Recurrent(nn.Module):
    """A recurrent net over the rows of an image, its last state through dropout and a linear head."""

    def __init__(self, kind: type[nn.RNNBase], rate: float, width: int = 32) -> None:
        super().__init__()
        self.memory = kind(8, width, num_layers=2, dropout=rate, batch_first=True)
        self.dropout = nn.Dropout(rate)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.memory(x)[0][:, -1]))
