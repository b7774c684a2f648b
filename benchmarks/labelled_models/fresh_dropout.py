"""Dropout in front of batch norms in the fresh part."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from labelled_models import data, fresh_nets
from labelled_models.case import Trained, case
from labelled_models.fresh_data import on_clouds, on_digits, rows_of

dropout = partial(case, "dropout", rules=("dropout-before-batchnorm",), half="fresh")


@dropout("layers.0.drop", "layers.1.drop", "layers.2.drop", "layers.1.norm", "layers.2.norm", "norm")
def new_channels_of_a_dense_net_dropped() -> Trained:
    return on_digits(fresh_nets.Dense(rate=0.5), 10, 64)


@dropout("pooled", "mix_norm")
def pooled_points_dropped() -> Trained:
    """The largest over points are far from zero: what goes is large."""
    model = fresh_nets.Points()
    model.pooled = nn.Dropout(0.5)
    return on_clouds(model, 12, 64)


@dropout("project.0", "neck")
def dropped_class_token_before_a_norm() -> Trained:
    model = fresh_nets.Viewer(0.0)
    model.project, model.neck = nn.Sequential(nn.Dropout(0.5), nn.Linear(24, 24)), nn.BatchNorm1d(24)
    return on_digits(model, 8, 64, view=rows_of)


class Gaussian(nn.Module):
    """Multiplies by noise of mean one in training, as Gaussian dropout does."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + torch.randn_like(x)) if self.training else x


@dropout("3", "5")
def gaussian_dropout_before_a_norm() -> Trained:
    model = fresh_nets.perceptron(64, 48, 48, 10)
    model.insert(3, Gaussian())
    return on_digits(model, 12, 64, view=data.flat)
