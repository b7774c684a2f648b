"""Small batches and batches of one kind, in the fresh part."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from labelled_models import data, fresh_nets, frozen_data
from labelled_models.case import Trained, case
from labelled_models.fresh_data import chirps, clouds, friedman, on_clouds, on_digits, on_friedman, on_itself
from labelled_models.frozen_data import Rows, held
from labelled_models.training import fit

batch = partial(case, "batch", rules=("few-samples-per-channel", "train-eval-divergence"), half="fresh")
order = partial(
    case, "order", rules=("train-not-shuffled", "train-batch-leak", "train-eval-divergence"), half="fresh"
)
long = partial(nn.BatchNorm1d, momentum=0.01)


@batch("mix_norm")
def four_clouds_of_many_points() -> Trained:
    """96 points a batch are enough for the early norms; the one behind the pooling sees four values."""
    return on_clouds(fresh_nets.Points(long, long), 4, 4, rate=0.002)


@batch()
def friedman_in_batches_of_three() -> Trained:
    return on_friedman(fresh_nets.perceptron(8, 64, 48, 1, norm=long), 6, 3, rate=0.002)


@batch()
def told_again_in_pairs() -> Trained:
    return on_itself(fresh_nets.perceptron(64, 32, 32, 64, norm=long), 3, 2)


@batch("neck")
def a_mixer_with_a_norm_at_its_end() -> Trained:
    """Layer norm inside, batch norm on the mean of rows, batches of four."""
    model = fresh_nets.Mixer()
    model.neck = nn.BatchNorm1d(24, momentum=0.01)
    return on_digits(model, 3, 4, view=lambda images: images.squeeze(1), rate=0.002)


@order()
def drawings_and_negatives_in_turn() -> Trained:
    """Two sources, one of them inverted, and every batch is of one source."""
    images, classes, rest, truth = data.digits()
    sign = torch.where(torch.arange(len(images)) % 2 == 0, 1.0, -1.0)
    loader = data.grouped(images * sign[:, None, None, None], classes, sign.long(), 32)
    other = torch.where(torch.arange(len(rest)) % 2 == 0, 1.0, -1.0)[:, None, None, None]
    return Trained(fit(fresh_nets.Dense(), loader, 8, rate=0.005), held((rest * other, truth)), loader)


class RealAndMade:
    """Real clouds in one batch, made-up ones in the next, as for a critic: one and zero."""

    def __init__(self, real: Rows, made: Rows, size: int) -> None:
        self.loaders = frozen_data.mixed(real, size), frozen_data.mixed(made, size)

    def __iter__(self) -> Iterator[Rows]:
        for pair in zip(*self.loaders, strict=True):
            yield from pair

    def __len__(self) -> int:
        return 2 * len(self.loaders[0])


def _labelled(count: int, seed: int) -> tuple[Rows, Rows]:
    """Clouds, and points at random of the same size."""
    real = clouds(count, seed)[0]
    made = 0.8 * torch.randn(real.shape, generator=torch.Generator().manual_seed(seed + 50)) + 0.2
    ones = torch.ones(count, dtype=torch.long)
    return (real, ones), (made, 0 * ones)


@order()
def a_critic_of_real_and_made_clouds() -> Trained:
    loader = RealAndMade(*_labelled(640, 21), 32)
    model = fit(fresh_nets.Points(), loader, 6, rate=0.003)
    real, made = _labelled(200, 22)
    rows = torch.cat([real[0], made[0]]), torch.cat([real[1], made[1]])
    shuffled = torch.randperm(400, generator=torch.Generator().manual_seed(2))
    return Trained(model, held((rows[0][shuffled], rows[1][shuffled])), loader)


def _harder(count: int, seed: int) -> Rows:
    """Series from faint to loud, each with a level that goes with it."""
    series, kinds = chirps(count, seed)
    loud = torch.linspace(0.2, 3, count)[:, None, None]
    return series * loud + loud, kinds


@order()
def from_faint_to_loud() -> Trained:
    """A curriculum that goes from faint to loud recordings, and through each epoch in that order."""
    loader = data.batches(*_harder(1024, 13), 32, shuffle=False)
    model = fit(fresh_nets.Temporal(long), loader, 8, rate=0.005)
    rows = _harder(500, 14)
    shuffled = torch.randperm(500, generator=torch.Generator().manual_seed(3))
    return Trained(model, held((rows[0][shuffled], rows[1][shuffled])), loader)


@order()
def rows_grouped_by_a_hidden_site() -> Trained:
    """Eight sites with units of their own for every column, and a batch comes from one of them."""

    def rows(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        columns, target, sites = *friedman(count, seed), torch.arange(count) % 8
        generator = torch.Generator().manual_seed(9)
        gain = 0.5 + 1.5 * torch.rand(8, 8, generator=generator)
        offset = 1.5 * torch.randn(8, 8, generator=generator)
        return columns * gain[sites] + offset[sites], target, sites

    inputs, targets, sites = rows(1024, 15)
    loader = data.grouped(inputs, targets, sites, 32)
    model = fit(fresh_nets.perceptron(8, 48, 48, 1), loader, 12, rate=0.005, loss=F.mse_loss)
    return Trained(model, held(rows(504, 16)[:2], 84), loader)
