"""Models whose Python is hard to follow: control flow, writes, containers, modules used twice."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.batches import WIDTH


class OnValues(nn.Module):
    """Asserts on values, and loops as often as a tensor says."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm, self.drop = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        assert x.abs().max() < 1000
        for _ in range(int(x.abs().sum(1).max().clamp(1, 3))):
            x = F.relu(self.layer(x)) if x.mean() > -5 else x
        return self.drop(self.norm(x))


class InPlace(nn.Module):
    """Writes in place, through views and by item."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm, self.act = (
            nn.Linear(WIDTH, WIDTH),
            nn.BatchNorm1d(WIDTH),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        kept = x.new_zeros(x.shape)
        kept[:, :4] = self.layer(x)[:, 4:]
        kept[:, 4:].add_(x[:, :4]).mul_(2)
        half = kept.view(-1, 2, 4)[:, 0]
        half += 1
        return self.norm(self.act(kept))


class ModelOutput(OrderedDict[str, Any]):
    """An output like those of transformers: a dictionary whose items are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass
class Answer:
    logits: Tensor
    parts: tuple[Tensor, ...]
    more: ModelOutput


class Containers(nn.Module):
    """Takes a dictionary; hands tuples about inside; returns a dataclass that holds an output object."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(WIDTH, WIDTH, batch_first=True), nn.Linear(WIDTH, 2)

    def forward(self, batch: dict[str, Tensor]) -> Answer:
        states, last = self.rnn(batch["x"])
        first, second = states.chunk(2, dim=-1)
        return Answer(
            self.head(last[-1]), (first, second), ModelOutput(mask=batch["mask"] * 2, states=states)
        )


class Keywords(nn.Module):
    """Takes keywords only, one of them optional."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places, self.norm = (
            nn.Embedding(20, WIDTH),
            nn.Embedding(5, WIDTH),
            nn.LayerNorm(WIDTH),
        )

    def forward(self, *, ids: Tensor, mask: Tensor | None = None, places: Tensor | None = None) -> Tensor:
        places = torch.arange(ids.shape[1]) if places is None else places
        x = self.norm(self.words(ids) + self.places(places))
        return x if mask is None else x * mask[..., None]


class Twice(nn.Module):
    """Two branches through one module, joined."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.ReLU())
        self.head = nn.Linear(2 * WIDTH, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat([self.branch(x), self.branch(-x)], 1))


class Freed(nn.Module):
    """Makes and frees tensors in a loop, whose ids then come again."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(8))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            gone = layer(x) * 2
            x = x + gone.tanh()
            del gone
            x = x + torch.ones(WIDTH) * 0.1
        return x


class StochasticDepth(nn.Module):
    """Leaves whole blocks out at random while training."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU()) for _ in range(4))
        self.keep = 0.8

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            if not self.training:
                x = x + block(x)
            elif torch.rand(()) < self.keep:
                x = x + block(x) / self.keep
        return x


class Listed(nn.Module):
    """Modules in a plain list: a fault, which is to be found and not to be stumbled over."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(WIDTH, 2)
        self.layers = [nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH)]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.head(x)
