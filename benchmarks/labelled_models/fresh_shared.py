"""One batch norm for inputs that differ, in the fresh part."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from labelled_models import data, fresh_nets
from labelled_models.case import Trained, case
from labelled_models.fresh_data import friedman, on_chirps, on_clouds, on_digits
from labelled_models.frozen_data import held, mixed
from labelled_models.training import fit

shared = partial(case, "shared", rules=("shared-batchnorm",), half="fresh")


class Differences(nn.Module):
    """Tones and their summed-up levels through one encoder, a call each."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(2, 16, 5, 2, 2), nn.BatchNorm1d(16)
        self.deep, self.head = nn.Conv1d(16, 16, 3, 2, 1), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        views = x, x.cumsum(2) + 3
        found = [torch.relu(self.deep(torch.relu(self.norm(self.conv(view))))).mean(2) for view in views]
        return self.head(torch.cat(found, 1))


@shared("norm")
def levels_and_tones_through_one_encoder() -> Trained:
    return on_chirps(Differences(), 10)


class PerColumn(nn.Module):
    """Each column alone through one small net; the columns have units of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.lift, self.norm = nn.Linear(1, 12), nn.BatchNorm1d(12)
        self.head = nn.Sequential(nn.Linear(8 * 12, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x: Tensor) -> Tensor:
        found = [torch.relu(self.norm(self.lift(column))) for column in x.split(1, 1)]
        return self.head(torch.cat(found, 1))


@shared("norm")
def one_net_for_columns_of_many_units() -> Trained:
    gain, offset = torch.tensor([1, 3, 0.5, 2, 1, 4, 1, 0.3]), torch.tensor([0, 5, -2, 1, 3, -6, 0, 1])
    rows, target = friedman(1024, 15)
    others, truth = friedman(500, 16)
    loader = mixed((rows * gain + offset, target), 32)
    model = fit(PerColumn(), loader, 12, rate=0.005, loss=nn.functional.mse_loss)
    return Trained(model, held((others * gain + offset, truth)), loader)


class Trunks(nn.Module):
    """Two trunks, of which one is much louder, and one projection for both."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(32, 32), nn.Linear(32, 32)
        self.project = nn.Sequential(nn.Linear(32, 32), nn.BatchNorm1d(32), nn.ReLU())
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        upper, lower = x.chunk(2, 1)
        one, two = torch.relu(self.one(upper)), 6 * torch.relu(self.two(lower)) + 2
        return self.head(self.project(one) + self.project(two))


@shared("project.1")
def one_projection_for_a_loud_and_a_quiet_trunk() -> Trained:
    return on_digits(Trunks(), 8, view=data.flat)


class Zooming(nn.Module):
    """Points as they are, and three times as large around their highest one, in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.points = fresh_nets.Points(late=nn.LayerNorm)
        self.points.head = nn.Linear(24, 12)
        self.head = nn.Linear(24, 4)

    def forward(self, x: Tensor) -> Tensor:
        near = 3 * (x - x[:, 2:].amax(2, keepdim=True))
        return self.head(torch.cat([self.points(x), self.points(near)], 1))


@shared("points.lift_norm", "points.deep_norm")
def clouds_and_a_closer_look() -> Trained:
    return on_clouds(Zooming(), 10)
