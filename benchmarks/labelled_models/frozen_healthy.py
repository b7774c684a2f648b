"""Healthy models of other families than the tuned half's."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelled_models import data, frozen_data, frozen_nets
from labelled_models.case import HEALTHY, Trained, case
from labelled_models.frozen_data import held, mixed
from labelled_models.training import fit

healthy = partial(case, HEALTHY, half="frozen")


def waves(model: nn.Module, epochs: int = 8, size: int = 32) -> Trained:
    """Trained on shapes of series."""
    loader = mixed(frozen_data.waves(1024, 1), size)
    return Trained(fit(model, loader, epochs, rate=0.005), held(frozen_data.waves(500, 2)), loader)


def table(model: nn.Module, epochs: int = 12) -> Trained:
    """Trained on a table's target."""
    loader = mixed(frozen_data.table(1024, 1), 32)
    fit(model, loader, epochs, rate=0.005, loss=F.mse_loss)
    return Trained(model, held(frozen_data.table(500, 2)), loader)


def cleaned(model: nn.Module, epochs: int = 5) -> Trained:
    """Trained to take noise off images."""
    images, _, rest, _ = data.digits()
    loader = mixed((frozen_data.fuzzy(images, 1), images))
    fit(model, loader, epochs, loss=F.mse_loss)
    return Trained(model, held((frozen_data.fuzzy(rest, 2), rest)), loader)


def worded(model: nn.Module, epochs: int = 10) -> Trained:
    """Trained to find the most frequent token."""
    loader = mixed(frozen_data.tokens(1024, 1))
    return Trained(fit(model, loader, epochs), held(frozen_data.tokens(500, 2)), loader)


@healthy()
def dense_prediction_with_group_norm() -> Trained:
    return cleaned(frozen_nets.UNet(partial(nn.GroupNorm, 2)))


@healthy()
def dense_prediction_with_instance_norm() -> Trained:
    """Without running statistics: both modes take the sample's own."""
    return cleaned(frozen_nets.UNet(partial(nn.InstanceNorm2d, affine=True)))


@healthy()
def dense_prediction_with_batch_norm() -> Trained:
    return cleaned(frozen_nets.UNet(), 7)


@healthy()
def tokens_through_layer_norm() -> Trained:
    return worded(frozen_nets.Encoder(rate=0.1))


@healthy()
def tokens_through_batch_norm() -> Trained:
    return worded(frozen_nets.Encoder(frozen_nets.TokenNorm), 14)


class Bag(nn.Module):
    """Embedded tokens, a norm right behind the table, and the mean of what a perceptron makes of them."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.embed, self.norm = nn.Embedding(12, width), frozen_nets.TokenNorm(width)
        self.inner, self.head = nn.Linear(width, 32), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.inner(self.norm(self.embed(x)))).mean(1))


@healthy()
def norm_behind_an_embedding() -> Trained:
    return worded(Bag(), 10)


class BothWays(nn.Module):
    """A bidirectional LSTM over a series, its states' mean through dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = nn.LSTM(4, 16, batch_first=True, bidirectional=True)
        self.dropout, self.head = nn.Dropout(0.3), nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        states = self.memory(x.flatten(1).unflatten(1, (-1, 4)))[0]
        return self.head(self.dropout(states.mean(1)))


@healthy()
def memory_both_ways() -> Trained:
    return waves(BothWays())


@healthy()
def series_in_batches_of_16_with_a_rest() -> Trained:
    """1000 series: the last batch of an epoch holds eight."""
    loader = frozen_data.ragged(frozen_data.waves(1000, 1), 16)
    model = fit(frozen_nets.series(), loader, 8, rate=0.005)
    return Trained(model, held(frozen_data.waves(500, 2)), loader)


@healthy()
def dropout_behind_the_only_norm() -> Trained:
    return waves(frozen_nets.Remembering(neck=nn.Dropout(0.5)), 14)


@healthy()
def weak_dropout_inside_a_memory() -> Trained:
    """Between the layers of a GRU: what the norm behind it sees is hardly wider for it."""
    return waves(frozen_nets.Remembering(rate=0.2), 14)


@healthy()
def weak_dropout_behind_the_last_norm() -> Trained:
    model = frozen_nets.series()
    model.neck = nn.Dropout(0.1)
    return waves(model)


@healthy()
def large_batches() -> Trained:
    return waves(frozen_nets.series(), 24, size=256)


@healthy()
def norm_without_gain_and_shift() -> Trained:
    return waves(frozen_nets.series(partial(nn.BatchNorm1d, affine=False)))


@healthy()
def residual_regression() -> Trained:
    return table(frozen_nets.residual(12, 1))


@healthy()
def points_on_spirals() -> Trained:
    loader = mixed(frozen_data.spirals(1024, 1), 32)
    model = nn.Sequential(
        nn.Linear(2, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32), nn.BatchNorm1d(32), nn.ReLU()
    ).append(nn.Linear(32, 3))
    return Trained(fit(model, loader, 14), held(frozen_data.spirals(500, 2)), loader)


@healthy()
def one_class_in_twelve() -> Trained:
    """Imbalance: is it a nine or not."""
    images, classes, rest, truth = data.digits()
    keep = (classes != 9) | (torch.arange(len(classes)) % 2 == 0)
    loader = mixed((images[keep], (classes[keep] == 9).long()), 32)
    model = fit(frozen_nets.separable(classes=2), loader, 5)
    return Trained(model, held((rest, (truth == 9).long())), loader)


@healthy()
def tumours_with_strong_dropout() -> Trained:
    """Train mode is far worse: seven in ten features of a wide layer are gone."""
    inputs, targets, rest, truth = frozen_data.tumours()
    loader = mixed((inputs, targets), 32)
    model = nn.Sequential(
        nn.Linear(30, 128), nn.LayerNorm(128), nn.ReLU(), nn.Dropout(0.7), nn.Linear(128, 2)
    )
    return Trained(fit(model, loader, 12, rate=0.003), held((rest, truth), 85), loader)


@healthy()
def several_labels_at_once() -> Trained:
    """Odd, above four, round: zero or one each, as probabilities."""

    def labels(classes: Tensor) -> Tensor:
        rounded = sum((classes == one) for one in (0, 3, 6, 8, 9))
        return torch.stack([classes % 2, (classes > 4).long(), rounded], 1).float()

    images, classes, rest, truth = data.digits()
    loader = mixed((images, labels(classes)), 32)
    model = nn.Sequential(frozen_nets.separable(classes=3), nn.Sigmoid())
    fit(model, loader, 5, loss=F.binary_cross_entropy)
    return Trained(model, held((rest, labels(truth))), loader)


class Ordered(nn.Module):
    """One score and cuts that rise: the logits that the class lies above each."""

    def __init__(self) -> None:
        super().__init__()
        self.body = frozen_nets.residual(12, 1, depth=2)
        self.first, self.steps = nn.Parameter(torch.tensor([-1.0])), nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        cuts = torch.cat([self.first, self.first + F.softplus(self.steps).cumsum(0)])
        return self.body(x) - cuts


@healthy()
def ordered_classes() -> Trained:
    def levels(rows: frozen_data.Rows) -> frozen_data.Rows:
        return rows[0], (rows[1] > torch.tensor([-1.2, -0.4, 0.4, 1.2])).float()

    loader = mixed(levels(frozen_data.table(1024, 1)), 32)
    model = fit(Ordered(), loader, 8, rate=0.005, loss=F.binary_cross_entropy_with_logits)
    return Trained(model, held(levels(frozen_data.table(500, 2))), loader)
