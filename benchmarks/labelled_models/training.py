"""The training loop of every case."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Loss = Callable[[Any, Tensor], Tensor]


def fit(
    model: nn.Module,
    loader: Iterable[tuple[Tensor, Tensor]],
    epochs: int,
    *,
    rate: float = 0.01,
    loss: Loss = F.cross_entropy,
    falling: bool = True,
    each_epoch: Callable[[int], None] = lambda _: None,
) -> nn.Module:
    """Adam; the rate falls to a twentieth over the epochs, or stays. Leaves the model in eval mode.

    ``each_epoch`` is called after every epoch with its index.
    """
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate)
    factor = 0.05 ** (1 / max(1, epochs - 1)) if falling else 1.0
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, factor)
    for epoch in range(epochs):
        model.train()
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss(model(inputs), targets).backward()
            optimizer.step()
        schedule.step()
        each_epoch(epoch)
    return model.eval()
