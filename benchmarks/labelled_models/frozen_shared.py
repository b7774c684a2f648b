"""One batch norm for inputs that differ, in the frozen half: sensors, levels, crops, rounds, signs."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelled_models import data, frozen_data, frozen_nets
from labelled_models.case import Trained, case
from labelled_models.frozen_data import held, mixed
from labelled_models.training import fit

shared = partial(case, "shared", rules=("shared-batchnorm",), half="frozen")


class Sensors(nn.Module):
    """A siamese encoder for a sensor and another one of a different make; both answer."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(frozen_nets.stage1d(1, 12, stride=2), frozen_nets.stage1d(12, 16))
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat([self.encoder(part).mean(2) for part in x.split(1, 1)], 1))


@shared("encoder.0.norm", "encoder.1.norm")
def siamese_on_sensors_of_two_makes() -> Trained:
    def sensed(count: int, seed: int) -> frozen_data.Rows:
        series, kinds = frozen_data.waves(count, seed)
        return torch.cat([series, 4 * series.roll(5, 2) + 6], 1), kinds

    loader = mixed(sensed(1024, 1), 32)
    return Trained(fit(Sensors(), loader, 8, rate=0.005), held(sensed(500, 2)), loader)


class Pyramid(nn.Module):
    """One tower, norm and all, over three levels of features whose scale grows."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            [nn.Conv2d(1, 12, 3, padding=1), nn.Conv2d(12, 12, 3, 2, 1), nn.Conv2d(12, 12, 3, 2, 1)]
        )
        self.tower = frozen_nets.stage2d(12, 16)
        self.head = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for level in self.levels:
            x = torch.relu(level(x))
            found.append(self.tower(x).mean((2, 3)))
        return self.head(torch.cat(found, 1))


@shared("tower.norm")
def one_tower_for_all_levels_of_a_pyramid() -> Trained:
    loader = data.training(32)
    return Trained(fit(Pyramid(), loader, 8), data.evaluation(), loader)


class Rounds(nn.Module):
    """One residual branch that is applied three times to a stream that doubles from round to round."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(64, 32)
        self.branch = frozen_nets.Branch(32)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        for _ in range(3):
            x = 2 * self.branch(x)
        return self.head(torch.relu(x) / 8)


@shared("branch.norm")
def one_branch_for_three_rounds() -> Trained:
    loader = data.training(32, data.flat)
    return Trained(fit(Rounds(), loader, 8), data.evaluation(data.flat), loader)


class Crops(nn.Module):
    """The whole image and its enlarged middle through one trunk, a call each."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(frozen_nets.stage2d(1, 12, stride=2), frozen_nets.stage2d(12, 16))
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        middle = F.interpolate(x[:, :, 2:6, 3:6], size=(8, 8))
        return self.head(torch.cat([self.trunk(one).mean((2, 3)) for one in (x, middle)], 1))


@shared("trunk.0.norm", "trunk.1.norm")
def whole_images_and_their_middles() -> Trained:
    loader = data.training(32)
    return Trained(fit(Crops(), loader, 8), data.evaluation(), loader)


class Signs(nn.Module):
    """Positive and negative parts, normalised one after the other by the same norm."""

    def __init__(self, columns: int, classes: int) -> None:
        super().__init__()
        self.enter, self.norm = nn.Linear(columns, 32), nn.BatchNorm1d(32)
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return self.head(torch.cat([self.norm(x).relu(), self.norm(-2 * x).relu()], 1))


@shared("norm")
def one_norm_for_both_signs() -> Trained:
    """Columns with a mean: so has what the norm is given, once with each sign."""
    inputs, targets, rest, truth = frozen_data.tumours()
    loader = mixed((inputs + 2, targets), 32)
    return Trained(fit(Signs(30, 2), loader, 12, rate=0.003), held((rest + 2, truth), 85), loader)


class Domains(nn.Module):
    """A real and a rendered image of one thing through one trunk; their mean is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = frozen_nets.separable(1, classes=10)

    def forward(self, x: Tensor) -> Tensor:
        return self.trunk(x[:, :1]) + self.trunk(x[:, 1:])


@shared(
    "trunk.stages.0.norm",
    "trunk.stages.1.depth_norm",
    "trunk.stages.1.point_norm",
    "trunk.stages.2.depth_norm",
    "trunk.stages.2.point_norm",
)
def real_and_rendered_images_in_turn() -> Trained:
    def both(images: Tensor) -> Tensor:
        return torch.cat([images, (images > 0).float() * 0.3 + 1], 1)

    loader = data.training(32, both)
    return Trained(fit(Domains(), loader, 6), data.evaluation(both), loader)
