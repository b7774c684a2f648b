"""Batches that are too small for their statistics, and batches of one kind."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from labelled_models import data, nets
from labelled_models.case import Trained, case
from labelled_models.training import fit

SMALL = ("few-samples-per-channel", "train-eval-divergence")
ORDER = ("train-not-shuffled", "train-batch-leak", "train-eval-divergence")

# Long windows, so that the running statistics themselves are as good as they can be.
image_norm = partial(nn.BatchNorm2d, momentum=0.01)
row_norm = partial(nn.BatchNorm1d, momentum=0.01)


@case("batch", rules=SMALL)
def batches_of_two() -> Trained:
    loader = data.training(2)
    return Trained(fit(nets.cnn((8, 16), norm=image_norm), loader, 4, rate=0.003), data.evaluation(), loader)


@case("batch", rules=SMALL)
def batches_of_three() -> Trained:
    loader = data.training(3, data.flat)
    model = fit(nets.mlp(48, norm=row_norm), loader, 4, rate=0.003)
    return Trained(model, data.evaluation(data.flat), loader)


@case("batch", rules=SMALL)
def batches_of_four() -> Trained:
    loader = data.training(4, data.flat)
    model = fit(nets.mlp(48, depth=3, norm=row_norm), loader, 4, rate=0.003)
    return Trained(model, data.evaluation(data.flat), loader)


@case("batch", "blocks.0.norm", "blocks.1.norm", rules=("instance-norm-tracks-statistics", *SMALL))
def instance_norm_that_tracks() -> Trained:
    """Every sample is a batch of its own in training; eval mode uses the average over samples."""
    loader = data.training(32)
    norm = partial(nn.InstanceNorm2d, affine=True, track_running_stats=True)
    return Trained(fit(nets.cnn((12, 24), norm=norm), loader, 16), data.evaluation(), loader)


@case("order", rules=ORDER)
def batches_of_one_class() -> Trained:
    images, classes, _, _ = data.digits()
    loader = data.grouped(images, classes, classes, 32)
    return Trained(fit(nets.cnn(), loader, 14), data.evaluation(), loader)


@case("order", rules=ORDER)
def batches_of_a_pair_of_classes() -> Trained:
    images, classes, _, _ = data.digits()
    loader = data.grouped(data.flat(images), classes, classes // 2, 32)
    return Trained(fit(nets.mlp(), loader, 8), data.evaluation(data.flat), loader)


@case("order", rules=ORDER)
def batches_of_one_subject() -> Trained:
    """Twenty subjects with an offset each, one a batch: the norm takes it away in training."""

    def recorded(seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        subjects = torch.arange(count) % 20
        offsets = 2 * torch.randn(20, 12, generator=torch.Generator().manual_seed(1))
        signal = torch.randn(count, 12, generator=generator)
        wave = torch.randn(12, 1, generator=torch.Generator().manual_seed(2)) / 3
        return signal + offsets[subjects], torch.tanh(signal @ wave), subjects

    inputs, targets, subjects = recorded(3, 1280)
    held, truth, _ = recorded(4, 400)
    loader = data.grouped(inputs, targets, subjects, 32)
    model = fit(nets.mlp(32, inputs=12, outputs=1), loader, 12, loss=F.mse_loss)
    return Trained(model, data.batches(held, truth, 100, shuffle=False), loader)


@case("order", rules=ORDER)
def batches_sorted_by_target() -> Trained:
    """Regression: neighbours in the target share a batch, as in a table that was sorted by it."""
    inputs, targets, held, truth = data.diabetes()
    kinds = targets[:, 0].argsort().argsort() // 38
    loader = data.grouped(inputs, targets, kinds, 38)
    model = fit(nets.mlp(24, inputs=10, outputs=1), loader, 40, rate=0.003, loss=F.mse_loss)
    return Trained(model, data.batches(held, truth, 50, shuffle=False), loader)
