"""Models that are drawn in tests: small, and each with something that a drawing has to show."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evalcheck import graph
from evalcheck.graph import folding
from evalcheck.picture import Box, Picture, View

IMAGE = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Block(nn.Module):
    """A residual block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)) + x)


class Residual(nn.Module):
    """Equal blocks, dropout, a head, and another head that only training has."""

    def __init__(self, depth: int = 3) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(4) for _ in range(depth)))
        self.dropout = nn.Dropout(0.5)
        self.aux = nn.Linear(4, 2)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        pooled = self.blocks(self.stem(x)).mean(dim=(2, 3))
        answer = self.head(self.dropout(pooled))
        return (answer, self.aux(pooled)) if self.training else answer


class Level(nn.Sequential):
    """One level of the hourglass."""

    def __init__(self, given: int, width: int) -> None:
        super().__init__(nn.Conv2d(given, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())


class Hourglass(nn.Module):
    """A U-Net: what the levels are joined to is what makes it."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([Level(3, 4), Level(4, 4), Level(4, 4)])
        self.pool = nn.AvgPool2d(2)
        self.up = nn.ModuleList([Level(8, 4), Level(8, 4)])

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for level in self.down:
            x = level(x)
            kept.append(x)
            x = self.pool(x)
        x = kept.pop()
        for level in self.up:
            x = level(torch.cat([F.interpolate(x, scale_factor=2.0), kept.pop()], 1))
        return x


class Twice(nn.Module):
    """One module called twice, one that calls itself, one that nobody calls."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.BatchNorm2d(3)
        self.inner = Nested()
        self.idle = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(self.shared(self.shared(x) * 2))


class Nested(nn.Module):
    """Calls itself twice over."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor, left: int = 2) -> Tensor:
        x = self.conv(x)
        return self(x, left - 1) if left else x


class Failing(nn.Module):
    """Gets as far as its second layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(5, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


class DropPath(nn.Module):
    """Stochastic depth as libraries write it."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * x.new_empty(len(x), 1, 1, 1).bernoulli_(0.9)


class Noisy(nn.Module):
    """Every kind of noise, and a norm that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.path = DropPath()
        self.never = nn.Dropout(0.0)
        self.frozen = nn.BatchNorm2d(3)

    def train(self, mode: bool = True) -> Noisy:
        super().train(mode)
        self.frozen.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout(self.never(self.path(x)), 0.2)
        return self.frozen(x + torch.randn_like(x))


class Siamese(nn.Module):
    """One encoder for two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.head(self.encoder(a) - self.encoder(b))


class Again(nn.Module):
    """One cell, over and over; or for each of several branches."""

    def __init__(self, times: int, chained: bool) -> None:
        super().__init__()
        self.cell = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
        self.times, self.chained = times, chained

    def forward(self, x: Tensor) -> Tensor:
        made = [x]
        for _ in range(self.times):
            made.append(self.cell(made[-1] if self.chained else x))
        return made[-1] if self.chained else torch.cat(made[1:])


class Encoder(nn.Module):
    """Returns three tensors, not in the order in which it makes them; two are alike."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.spread = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)
        self.decoder = nn.Conv2d(2, 3, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, spread = self.mean(x), self.spread(x)
        return self.decoder(mean + torch.randn_like(mean) * spread.exp()), mean, spread


class Masked(nn.Module):
    """Layers that training alone draws a number before, and a mask that training alone writes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(3) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            x = x.clone()
            x[:, 0] = 0
        for layer in self.layers:
            if self.training:
                x = x * torch.rand([])
            x = layer(x)
        return x


def picture(
    model: nn.Module,
    view: View = "diff",
    title: str = "net",
    batch: Tensor | tuple[Tensor, ...] | None = IMAGE,
) -> Picture:
    """The model traced on a batch of images (a tuple for several inputs), or symbolically without one."""
    given = batch if isinstance(batch, tuple) else (batch,)
    run = None if batch is None else (lambda net: net(*given))
    return folding.picture(graph.read(model, run), view, title)


def box(drawn: Picture, name: str, call: int = 0) -> Box:
    """The box of a module by its name, or the first of an operation by its label."""
    return next(
        b for b in drawn.walk() if (b.path if b.kind == "module" else b.label) == name and b.call == call
    )
