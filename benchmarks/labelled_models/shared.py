"""One batch norm for calls whose inputs have different statistics."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelled_models import data, nets
from labelled_models.case import Trained, case
from labelled_models.training import fit

RULES = ("shared-batchnorm",)


def views(images: Tensor) -> Tensor:
    """(N, 1, 8, 8) -> (N, 3, 64): what three cameras with a gain and an offset each make of it."""
    gain = torch.tensor([1.0, 0.3, 2.0])[:, None]
    offset = torch.tensor([0.0, 2.0, -1.5])[:, None]
    return images.flatten(1)[:, None] * gain + offset


class Persons(nn.Module):
    """The same encoder for each of three, one after the other, as in a loop over persons."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU())
        self.head = nn.Linear(96, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat([self.encoder(one) for one in x.unbind(1)], 1))


@case("shared", "encoder.1", rules=RULES)
def one_encoder_for_three_cameras() -> Trained:
    loader = data.training(64, views)
    return Trained(fit(Persons(), loader, 10), data.evaluation(views), loader)


class Twins(nn.Module):
    """A convolutional encoder for an image and its magnified edges, norms and all."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nets.block(1, 8), nets.block(8, 16, last=nn.MaxPool2d(2)))
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        edges = 3 * (x - F.avg_pool2d(x, 3, stride=1, padding=1))
        both = [self.encoder(one).flatten(2).mean(2) for one in (x, edges)]
        return self.head(torch.cat(both, 1))


@case("shared", "encoder.0.norm", "encoder.1.norm", rules=RULES)
def one_encoder_for_an_image_and_its_edges() -> Trained:
    loader = data.training(64)
    return Trained(fit(Twins(), loader, 14), data.evaluation(), loader)


class Thrifty(nn.Module):
    """One norm object behind two layers: fewer lines, and two distributions in one average."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 64)
        self.own = nn.BatchNorm1d(64)
        self.norm = nn.BatchNorm1d(64)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.first(x)))
        x = torch.relu(self.own(x))
        return self.head(torch.relu(self.norm(self.second(x))))


@case("shared", "norm", rules=RULES)
def one_norm_behind_two_layers() -> Trained:
    loader = data.training(64, data.flat)
    return Trained(fit(Thrifty(), loader, 10), data.evaluation(data.flat), loader)


class Recurrence(nn.Module):
    """A plain recurrence over the rows of an image with one norm for all its steps."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.take, self.keep = nn.Linear(8, width), nn.Linear(width, width, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(len(x), self.keep.in_features)
        for row in x.unbind(1):
            state = torch.relu(self.norm(self.take(row) + self.keep(state)))
        return self.head(state)


@case("shared", "norm", rules=RULES)
def one_norm_for_all_steps() -> Trained:
    loader = data.training(64, data.rows_as_steps)
    return Trained(fit(Recurrence(), loader, 12), data.evaluation(data.rows_as_steps), loader)
