"""Dropout in front of batch norms in the frozen half: other kinds, other ways to get there."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelled_models import data, frozen_data, frozen_nets
from labelled_models.case import Trained, case
from labelled_models.frozen_data import held, mixed
from labelled_models.training import fit

dropout = partial(case, "dropout", rules=("dropout-before-batchnorm",), half="frozen")


def _waves(model: nn.Module, epochs: int = 8) -> Trained:
    loader = mixed(frozen_data.waves(1024, 1), 64)
    return Trained(fit(model, loader, epochs, rate=0.005), held(frozen_data.waves(500, 2)), loader)


@dropout("stages.1.before", "stages.1.norm")
def channels_of_a_series_dropped() -> Trained:
    model = frozen_nets.series()
    model.stages[1].before = nn.Dropout1d(0.4)
    return _waves(model, 12)


@dropout("stages.1.between", "stages.1.norm")
def plain_dropout_in_a_series_net() -> Trained:
    model = frozen_nets.series()
    model.stages[1].between = nn.Dropout(0.4)
    return _waves(model, 12)


@dropout("2", "4")
def alpha_dropout_before_a_norm() -> Trained:
    """Its promise is for standardised units: here they are not."""
    loader = mixed(frozen_data.table(1024, 1))
    model = nn.Sequential(nn.Linear(12, 48), nn.SELU(), nn.AlphaDropout(0.5), nn.Linear(48, 48))
    for part in (nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 1)):
        model.append(part)
    fit(model, loader, 15, rate=0.003, loss=F.mse_loss)
    return Trained(model, held(frozen_data.table(500, 2)), loader)


class Funnel(nn.Module):
    """Dropout, two linear maps in a row, and only then a norm."""

    def __init__(self, columns: int, classes: int) -> None:
        super().__init__()
        self.enter, self.dropout = nn.Linear(columns, 64), nn.Dropout(0.6)
        self.narrow, self.wide, self.norm = nn.Linear(64, 16), nn.Linear(16, 48), nn.BatchNorm1d(48)
        self.head = nn.Linear(48, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(torch.relu(self.enter(x)))
        return self.head(torch.relu(self.norm(self.wide(self.narrow(x)))))


@dropout("dropout", "norm")
def dropout_through_two_linears() -> Trained:
    def flat(rows: frozen_data.Rows) -> frozen_data.Rows:
        return rows[0].flatten(1), rows[1]

    loader = mixed(flat(frozen_data.waves(2048, 1)))
    model = fit(Funnel(32, 4), loader, 15, rate=0.005)
    return Trained(model, held(flat(frozen_data.waves(500, 2))), loader)


class Stream(nn.Module):
    """x + dropout(relu(convolution(norm(x)))) over series."""

    def __init__(self, width: int, rate: float) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm1d(width), nn.Conv1d(width, width, 5, padding=2)
        self.dropout = nn.Dropout(rate)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.dropout(torch.relu(self.conv(self.norm(x))))


@dropout("stages.1.dropout", "stages.2.dropout", "stages.2.norm", "stages.3.norm")
def dropout_in_residual_branches() -> Trained:
    """Norms come first in each branch: the next sees the stream that a dropped branch was added to."""
    enter = nn.Conv1d(1, 16, 5, 2, 2)
    parts = enter, Stream(16, 0.7), Stream(16, 0.7), frozen_nets.stage1d(16, 32)
    return _waves(frozen_nets.Pooled(*parts, width=32, classes=4), 12)


@dropout("stages.2.before", "stages.2.norm")
def a_fifth_of_the_channels_in_an_excited_net() -> Trained:
    """Rate .2, behind units whose mean is large: what goes is large too."""
    loader = data.training(64)
    model = frozen_nets.Pooled(
        frozen_nets.stage2d(1, 16, stride=2),
        frozen_nets.Excited(16),
        frozen_nets.stage2d(16, 24, before=nn.Dropout2d(0.2)),
        width=24,
        classes=10,
    )
    return Trained(fit(model, loader, 10), data.evaluation(), loader)


@dropout("0", "2")
def dropout_on_the_raw_columns() -> Trained:
    """Columns with a mean of three lose far more than their deviation."""
    inputs, targets, rest, truth = frozen_data.tumours()
    loader = mixed((inputs + 3, targets), 32)
    model = nn.Sequential(nn.Dropout(0.3), nn.Linear(30, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
    return Trained(fit(model, loader, 20, rate=0.003), held((rest + 3, truth), 85), loader)


@dropout("dropped", "norm")
def dropped_words_before_a_norm() -> Trained:
    """Embedded tokens are dropped at .6, summed, and normalised."""

    loader = mixed(frozen_data.tokens(2048, 1), 128)
    return Trained(fit(Summed(), loader, 15), held(frozen_data.tokens(500, 2)), loader)


class Summed(nn.Module):
    """The sum of embedded tokens behind dropout, a norm and a perceptron."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed, self.dropped = nn.Embedding(12, width), nn.Dropout(0.6)
        self.norm, self.inner, self.head = nn.BatchNorm1d(width), nn.Linear(width, 32), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.inner(self.norm(self.dropped(self.embed(x)).sum(1)))))
