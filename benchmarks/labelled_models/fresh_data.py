"""The fresh part's data: clouds of points, chirps, a table of Friedman's, and pairs of digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelled_models import data
from labelled_models.case import Trained
from labelled_models.frozen_data import Rows, held, mixed
from labelled_models.training import fit


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clouds(count: int, seed: int, points: int = 24) -> Rows:
    """(N, 3, points) noisy points on a ball, a cube, a disc or a rod, and which of these."""
    generator = _seeded(seed)
    kinds = torch.randint(4, (count,), generator=generator)
    drawn = torch.randn(count, 3, points, generator=generator)
    ball, cube = F.normalize(drawn, dim=1), drawn / drawn.abs().amax(1, keepdim=True)
    disc = ball * torch.tensor([1.0, 1.0, 0.05])[:, None]
    rod = drawn.clamp(-1.5, 1.5) * torch.tensor([0.2, 0.2, 1.0])[:, None]
    found = torch.stack([ball, cube, disc, rod])[kinds, torch.arange(count)]
    return found + 0.1 * torch.randn(found.shape, generator=generator), kinds


def chirps(count: int, seed: int, steps: int = 48) -> Rows:
    """(N, 2, steps) tones and their echoes that rise, fall or stay, and which of these."""
    generator = _seeded(seed)
    kinds = torch.randint(3, (count,), generator=generator)
    phase, pace = torch.rand(2, count, 1, generator=generator)
    time = torch.linspace(0, 1, steps)
    bend = torch.stack([time + time**2, 3 * time - time**2, 2 * time])[kinds]
    angle = 2 * torch.pi * (phase + (2 + pace) * bend)
    tones = torch.stack([angle.sin(), 0.7 * (angle - 1).sin()], 1)
    return tones + 0.2 * torch.randn(tones.shape, generator=generator), kinds


def friedman(count: int, seed: int) -> Rows:
    """(N, 8) uniform columns in [-1, 1] and Friedman's first function of five, of variance about one."""
    generator = _seeded(seed)
    rows = torch.rand(count, 8, generator=generator)
    one, two, three, four, five = rows.T[:5]
    target = 10 * (torch.pi * one * two).sin() + 20 * (three - 0.5) ** 2 + 10 * four + 5 * five
    target = target + torch.randn(count, generator=generator)
    return 2 * rows - 1, ((target - 14.4) / 5)[:, None]


def rows_of(images: Tensor) -> Tensor:
    """(N, 1, 8, 8) -> (N, 8, 8)."""
    return images.squeeze(1)


def on_clouds(model: nn.Module, epochs: int = 8, size: int = 32, **options) -> Trained:
    loader = mixed(clouds(1024, 11), size)
    return Trained(fit(model, loader, epochs, **{"rate": 0.005, **options}), held(clouds(500, 12)), loader)


def on_chirps(model: nn.Module, epochs: int = 8, size: int = 32, **options) -> Trained:
    loader = mixed(chirps(1024, 13), size)
    return Trained(fit(model, loader, epochs, **{"rate": 0.005, **options}), held(chirps(500, 14)), loader)


def on_friedman(model: nn.Module, epochs: int = 12, size: int = 32, **options) -> Trained:
    loader = mixed(friedman(1024, 15), size)
    fit(model, loader, epochs, **{"rate": 0.005, "loss": F.mse_loss, **options})
    return Trained(model, held(friedman(500, 16)), loader)


def on_digits(
    model: nn.Module, epochs: int = 8, size: int = 32, view: data.Change = data.unchanged, **options
) -> Trained:
    loader = data.training(size, view)
    return Trained(fit(model, loader, epochs, **{"rate": 0.005, **options}), data.evaluation(view), loader)


def on_itself(model: nn.Module, epochs: int = 8, size: int = 32) -> Trained:
    """Flat digits that are to be told again."""
    images, _, rest, _ = data.digits()
    images, rest = images.flatten(1), rest.flatten(1)
    loader = mixed((images, images), size)
    return Trained(fit(model, loader, epochs, rate=0.004, loss=F.mse_loss), held((rest, rest)), loader)


class Changed:
    """Another loader's batches, inputs changed anew each time."""

    def __init__(self, loader: data.DataLoader, change: Callable[[Tensor], Tensor]) -> None:
        self.loader, self.change = loader, change

    def __iter__(self) -> Iterator[Rows]:
        for inputs, targets in self.loader:
            yield self.change(inputs), targets

    def __len__(self) -> int:
        return len(self.loader)
