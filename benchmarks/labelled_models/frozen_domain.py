"""Evaluation data unlike the training data, in the frozen half."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from labelled_models import data, frozen_data, frozen_nets
from labelled_models.case import Trained, case
from labelled_models.frozen_data import held, mixed
from labelled_models.training import fit

domain = partial(
    case,
    "domain",
    rules=("domain-shift-statistics", "preprocessing-mismatch", "train-eval-divergence"),
    half="frozen",
)


def _images(model: nn.Module, change: data.Change, view: data.Change = data.unchanged) -> Trained:
    loader = data.training(32, view)
    fit(model, loader, 6)
    return Trained(model, data.evaluation(lambda x: change(view(x))), loader, clean=data.evaluation(view))


def _rows(model: nn.Module, train, clean, shifted, **options) -> Trained:
    loader = mixed(train, 32)
    fit(model, loader, 8, rate=0.005, **options)
    return Trained(model, held(shifted, 85), loader, clean=held(clean, 85))


@domain("stages.0.norm")
def brighter_by_a_curve() -> Trained:
    """Gamma of .4: dark values rise, bright ones stay."""
    return _images(frozen_nets.separable(), lambda x: 2 * ((x + 1) / 2).clamp(0) ** 0.4 - 1)


@domain("stages.0.norm")
def channels_in_another_order() -> Trained:
    """Blue, green, red where the training had red, green, blue."""
    return _images(frozen_nets.separable(3), lambda x: x.flip(1), frozen_data.coloured)


@domain("stages.0.norm")
def thicker_strokes() -> Trained:
    """Another group of writers presses harder."""
    return _images(frozen_nets.excited(), lambda x: 0.5 * x + 0.5 * F.max_pool2d(x, 3, 1, 1))


@domain("1.norm")
def missing_values_filled_otherwise() -> Trained:
    """Means stand for missing values in training, minus three deviations in evaluation."""
    inputs, targets, rest, truth = frozen_data.tumours()
    gone = torch.rand(rest.shape, generator=torch.Generator().manual_seed(3)) < 0.25
    lost = torch.rand(inputs.shape, generator=torch.Generator().manual_seed(4)) < 0.25
    clean = rest.masked_fill(gone, 0.0), truth
    shifted = rest.masked_fill(gone, -3.0), truth
    return _rows(frozen_nets.residual(30, 2), (inputs.masked_fill(lost, 0.0), targets), clean, shifted)


@domain("stages.0.norm")
def a_sensor_with_gain_and_offset() -> Trained:
    series, kinds = frozen_data.waves(500, 2)
    shifted = 2.5 * series - 1.5, kinds
    return _rows(frozen_nets.series(), frozen_data.waves(1024, 1), (series, kinds), shifted)


@domain("stages.0.norm")
def a_coarse_quantiser() -> Trained:
    """The device in use rounds to its own three levels, the highest of which is 3."""
    series, kinds = frozen_data.waves(500, 2)
    shifted = (series.clamp(-1, 1).round() + 1) * 1.5, kinds
    return _rows(frozen_nets.series(), frozen_data.waves(1024, 1), (series, kinds), shifted)


@domain("1.norm")
def a_logarithm_forgotten() -> Trained:
    """The training saw logarithms of positive columns, the evaluation sees the columns."""
    rows, target = frozen_data.table(1024, 1)
    others, truth = frozen_data.table(500, 2)
    return _rows(
        frozen_nets.residual(12, 1), (rows, target), (others, truth), (others.exp(), truth), loss=F.mse_loss
    )
