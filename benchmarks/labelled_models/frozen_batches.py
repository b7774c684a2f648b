"""Small batches and batches of one kind, in the frozen half."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from labelled_models import data, frozen_data, frozen_nets
from labelled_models.case import Trained, case
from labelled_models.frozen_data import held, mixed
from labelled_models.training import fit

batch = partial(case, "batch", rules=("few-samples-per-channel", "train-eval-divergence"), half="frozen")
order = partial(
    case, "order", rules=("train-not-shuffled", "train-batch-leak", "train-eval-divergence"), half="frozen"
)
long = partial(nn.BatchNorm1d, momentum=0.01)


class PerDevice(nn.BatchNorm1d):
    """What several devices do to a batch: each normalises three samples by their own statistics."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        return torch.cat([super(PerDevice, self).forward(part) for part in x.split(3)])


@batch()
def three_samples_per_device() -> Trained:
    loader = mixed(frozen_data.table(1008, 1), 24)
    model = frozen_nets.residual(12, 1, depth=2, norm=partial(PerDevice, momentum=0.01))
    fit(model, loader, 12, rate=0.005, loss=F.mse_loss)
    return Trained(model, held(frozen_data.table(500, 2)), loader)


class Context(nn.Module):
    """A map and, beside it, its mean over space through a norm of its own: one value per image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = frozen_nets.stage2d(1, 16, partial(nn.GroupNorm, 4), 2)
        self.local = frozen_nets.stage2d(16, 16, partial(nn.GroupNorm, 4))
        self.squeeze, self.norm = nn.Conv2d(16, 16, 1), nn.BatchNorm2d(16, momentum=0.01)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        context = torch.relu(self.norm(self.squeeze(x.mean((2, 3), keepdim=True))))
        return self.head(torch.cat([self.local(x).mean((2, 3)), 4 * context.flatten(1)], 1))


@batch("norm")
def one_value_per_image_in_batches_of_four() -> Trained:
    loader = data.training(4)
    return Trained(fit(Context(), loader, 4, rate=0.002), data.evaluation(), loader)


def _accumulated(model: nn.Module, loader: DataLoader, epochs: int, every: int, loss=F.cross_entropy) -> None:
    """One step for ``every`` batches: the gradient is of many samples, the statistics of few."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    for _ in range(epochs):
        for index, (inputs, targets) in enumerate(loader, 1):
            (loss(model(inputs), targets) / every).backward()
            if index % every == 0:
                optimizer.step()
                optimizer.zero_grad()
    model.eval()


@batch()
def gradients_of_eight_pairs() -> Trained:
    loader = mixed(frozen_data.waves(800, 1), 2)
    model = frozen_nets.series(long, width=8)
    _accumulated(model, loader, 4, 8)
    return Trained(model, held(frozen_data.waves(500, 2)), loader)


@batch("norm")
def a_memory_in_batches_of_three() -> Trained:
    loader = mixed(frozen_data.waves(750, 1), 3)
    model = frozen_nets.Remembering()
    model.norm.momentum = 0.01
    _accumulated(model, loader, 5, 5)
    return Trained(model, held(frozen_data.waves(500, 2)), loader)


@batch()
def regression_in_batches_of_four() -> Trained:
    inputs, targets, rest, truth = data.diabetes()
    loader = data.batches(inputs, targets, 4, shuffle=True)
    model = fit(frozen_nets.residual(10, 1, 2, norm=long), loader, 6, rate=0.002, loss=F.mse_loss)
    return Trained(model, data.batches(rest, truth, 50, shuffle=False), loader)


@batch("stages.0.norm", "stages.1.norm", "stages.2.norm")
def tracking_instance_norm_over_series() -> Trained:
    norm = partial(nn.InstanceNorm1d, affine=True, track_running_stats=True)
    loader = mixed(frozen_data.waves(1024, 1), 32)
    model = fit(frozen_nets.series(norm), loader, 8, rate=0.005)
    return Trained(model, held(frozen_data.waves(500, 2)), loader)


@order()
def rows_sorted_by_a_column() -> Trained:
    """Sorted by size, which lifts all other columns too: a batch's rows are of one size."""

    def sized(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        rows, target = frozen_data.table(count, seed)
        size = torch.randn(count, 1, generator=torch.Generator().manual_seed(seed + 50))
        return torch.cat([size, rows + 2 * size], 1), target, size[:, 0].argsort()

    rows, target, by = sized(1024, 1)
    loader = data.batches(rows[by], target[by], 32, shuffle=False)
    model = fit(frozen_nets.residual(13, 1), loader, 12, rate=0.005, loss=F.mse_loss)
    return Trained(model, held(sized(500, 2)[:2]), loader)


@order()
def one_speaker_per_batch() -> Trained:
    """Sixteen speakers, each with a loudness and an offset, and batches of a single one."""

    def spoken(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        series, kinds = frozen_data.waves(count, seed)
        speakers = torch.arange(count) % 16
        generator = torch.Generator().manual_seed(9)
        loudness, offset = (
            torch.rand(16, generator=generator) * 1.5 + 0.5,
            torch.randn(16, generator=generator),
        )
        return series * loudness[speakers, None, None] + offset[speakers, None, None], kinds, speakers

    series, kinds, speakers = spoken(1024, 1)
    loader = data.grouped(series, kinds, speakers, 32)
    model = fit(frozen_nets.series(long), loader, 12, rate=0.005)
    return Trained(model, held(spoken(500, 2)[:2]), loader)


@order()
def many_copies_of_one_image() -> Trained:
    """A pretext task: how faded is a copy? A batch of copies of one image takes the image itself away."""
    images, _, rest, _ = data.digits()
    loader = frozen_data.Copies(images, 32)
    model = fit(frozen_nets.excited(classes=1), loader, 3, rate=0.005, loss=F.mse_loss)
    return Trained(model, held(frozen_data.faded(rest)), loader)


@order()
def rows_in_the_order_of_time() -> Trained:
    """A sensor that drifts: the batches of an unshuffled recording lie at different levels."""

    def recorded(count: int, seed: int) -> frozen_data.Rows:
        rows, target = frozen_data.table(count, seed)
        time = torch.linspace(0, 6, count)[:, None]
        drift = torch.cat([(time + k).sin() for k in range(rows.shape[1])], 1)
        return rows + 2 * drift, target

    loader = data.batches(*recorded(1024, 1), 32, shuffle=False)
    model = fit(frozen_nets.residual(12, 1), loader, 12, rate=0.005, loss=F.mse_loss)
    return Trained(model, held(recorded(500, 2)), loader)


@order()
def batches_by_arm() -> Trained:
    """Points of one arm of the spirals in a batch."""
    points, arms = frozen_data.spirals(1152, 1)
    loader = data.grouped(points, arms, arms, 32)
    parts: list[nn.Module] = []
    for one, two in ((2, 32), (32, 32)):
        parts += [nn.Linear(one, two), nn.BatchNorm1d(two), nn.ReLU()]
    model = fit(nn.Sequential(*parts, nn.Linear(32, 3)), loader, 30)
    return Trained(model, held(frozen_data.spirals(500, 2)), loader)
