"""The frozen half's data: series, spirals, tables, tokens, and digits with other tasks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from labelled_models import data

Rows = tuple[Tensor, Tensor]


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def waves(count: int, seed: int, steps: int = 32) -> Rows:
    """(N, 1, steps) series of four shapes with a phase, a pace and noise of their own, and the shape."""
    generator = _seeded(seed)
    kinds = torch.randint(4, (count,), generator=generator)
    phase, pace = torch.rand(2, count, 1, generator=generator)
    angle = 2 * torch.pi * (phase + (1.5 + pace) * torch.linspace(0, 1, steps))
    shapes = torch.stack(
        [angle.sin(), angle.sin().sign(), (angle / torch.pi) % 2 - 1, angle.sin() * (3 * angle).cos()]
    )
    series = shapes[kinds, torch.arange(count)]
    return (series + 0.25 * torch.randn(count, steps, generator=generator))[:, None], kinds


def spirals(count: int, seed: int) -> Rows:
    """(N, 2) points on three arms and the arm."""
    generator = _seeded(seed)
    arms = torch.arange(count) % 3
    radius = 0.2 + torch.rand(count, generator=generator)
    angle = 4 * radius + arms * 2 * torch.pi / 3
    points = radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    return points + 0.05 * torch.randn(count, 2, generator=generator), arms


def table(count: int, seed: int, columns: int = 12) -> Rows:
    """(N, columns) correlated columns and a curved target (N, 1) of variance about one."""
    weights = torch.randn(columns, 3, generator=_seeded(77)) / columns**0.5
    mixing = torch.eye(columns) + 0.3 * torch.randn(columns, columns, generator=_seeded(78))
    generator = _seeded(seed)
    rows = torch.randn(count, columns, generator=generator) @ mixing
    one, two, three = (rows @ weights).T
    target = one.tanh() + (two * 1.5).sin() + 0.5 * three
    return rows, (target + 0.1 * torch.randn(count, generator=generator))[:, None]


def tokens(count: int, seed: int, length: int = 12) -> Rows:
    """(N, length) of twelve tokens; the class is which of the first three comes most often."""
    found = torch.randint(12, (count, length), generator=_seeded(seed))
    found = torch.where(found > 8, found % 3, found)
    counted = torch.stack([(found == one).sum(1) for one in range(3)], 1).float()
    return found, (counted - 0.1 * torch.arange(3)).argmax(1)


@cache
def tumours() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """399 training rows (N, 30), standardised, with their class, and 170 held ones."""
    rows, classes = load_breast_cancer(return_X_y=True)
    inputs = torch.tensor(rows, dtype=torch.float32)
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    order = torch.randperm(len(inputs), generator=_seeded(1))
    train, held = order[:399], order[399:]
    targets = torch.tensor(classes, dtype=torch.long)
    return inputs[train], targets[train], inputs[held], targets[held]


def coloured(images: Tensor) -> Tensor:
    """(N, 1, 8, 8) -> (N, 3, 8, 8): strokes of one colour on paper of another."""
    gain = torch.tensor([1.0, 0.5, 0.2])[:, None, None]
    offset = torch.tensor([0.3, -0.4, 1.0])[:, None, None]
    return images * gain + offset


def fuzzy(images: Tensor, seed: int) -> Tensor:
    """Images under noise, to be cleaned."""
    return images + 0.7 * torch.randn(images.shape, generator=_seeded(seed))


def held(rows: Rows, size: int = 100) -> DataLoader:
    """Batches to evaluate on."""
    return data.batches(*rows, size, shuffle=False)


def mixed(rows: Rows, size: int = 64) -> DataLoader:
    """Shuffled batches to train on."""
    return data.batches(*rows, size, shuffle=True)


def ragged(rows: Rows, size: int) -> DataLoader:
    """Shuffled batches of which the last is smaller."""
    return DataLoader(TensorDataset(*rows), size, shuffle=True)


def faded(images: Tensor) -> Rows:
    """Images whose ink is more or less faded, and how much (N, 1)."""
    strength = 0.4 + 0.8 * torch.rand(len(images), 1)
    return (images + 1) * strength[:, :, None, None] - 1, strength


class Copies:
    """Batches of one image in many copies, each faded in its own way, and how much each is."""

    def __init__(self, images: Tensor, copies: int) -> None:
        self.images, self.copies = images, copies

    def __iter__(self) -> Iterator[Rows]:
        for one in torch.randperm(len(self.images))[: len(self)].tolist():
            yield faded(self.images[one].expand(self.copies, -1, -1, -1))

    def __len__(self) -> int:
        return len(self.images) // 3
