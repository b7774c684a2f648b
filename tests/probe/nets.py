"""Small networks that are really trained, in a fraction of a second, on a task with targets."""

from __future__ import annotations

import torch
from torch import nn

FEATURES, CLASSES = 12, 4


def data(count: int, seed: int, gain: float = 1.0):
    """Inputs (count, 12) in clusters that are not zero-centred, and their classes."""
    world = torch.Generator().manual_seed(3)
    centres = 2 * torch.randn(3 * CLASSES, FEATURES, generator=world) + 1
    draw = torch.Generator().manual_seed(seed)
    which = torch.randint(len(centres), (count,), generator=draw)
    x = centres[which] + 1.2 * torch.randn(count, FEATURES, generator=draw)
    return gain * x, which % CLASSES


def batches(count: int, seed: int, size: int = 32, gain: float = 1.0):
    """The data in a list of (inputs, classes)."""
    x, y = data(count, seed, gain)
    return list(zip(x.split(size), y.split(size), strict=True))


def trained(
    model: nn.Module, epochs: int = 12, size: int = 32, seed: int = 0, sort: bool = False
) -> nn.Module:
    """Adam on cross entropy over reshuffled batches; ``sort`` makes batches of one class."""
    torch.manual_seed(seed)
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    x, y = data(1024, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(x))
        if sort:
            order = order[y[order].argsort(stable=True)]
        for rows in order.split(size):
            if len(rows) > 1:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * (1 - (epoch + 1) / epochs)
    return model


def mlp(*, norm=nn.BatchNorm1d, before=0.0, after=0.0, width=32, **options) -> nn.Sequential:
    """Two hidden layers, each linear → dropout(before) → norm → ReLU → dropout(after)."""

    def layer(size: int) -> list[nn.Module]:
        parts: list[nn.Module] = [nn.Linear(size, width)]
        parts += [nn.Dropout(before)] if before else []
        parts += [norm(width, **options), nn.ReLU()]
        return parts + ([nn.Dropout(after)] if after else [])

    return nn.Sequential(*layer(FEATURES), *layer(width), nn.Linear(width, CLASSES))


class Shared(nn.Module):
    """One norm over both halves of the input, of which the second lies elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(FEATURES, 32)
        self.norm = nn.BatchNorm1d(32)
        self.head = nn.Linear(32, CLASSES)

    def forward(self, x):
        one = torch.relu(self.norm(self.embed(x)))
        two = torch.relu(self.norm(self.embed(0.1 * x + 4)))
        return self.head(one + two)
