"""Random eval modes in the fresh part."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from labelled_models import data, fresh_nets
from labelled_models.case import Trained, case
from labelled_models.fresh_data import on_chirps, on_clouds, on_digits
from labelled_models.fresh_nets import groups


def noise(*culprits: str, rules: tuple[str, ...] = ("random-op-ungated",)):
    return case("noise", *culprits, rules=("nondeterministic-eval", *rules), half="fresh")


class Drawn(nn.Module):
    """Half of the points, drawn anew each time."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, torch.randperm(x.shape[2])[: x.shape[2] // 2]]


@noise("sample")
def half_of_the_points_drawn() -> Trained:
    model = fresh_nets.Points()
    model.sample = Drawn()
    return on_clouds(model)


class Depth(nn.Module):
    """Stochastic depth per sample that nobody switched off."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.bernoulli(torch.full((len(x), 1, 1), 0.8)) / 0.8


@noise("levels.2.keep", rules=("random-op-ungated", "functional-dropout-ungated"))
def ungated_stochastic_depth() -> Trained:
    model = fresh_nets.Temporal(groups)
    model.levels[2].keep = Depth()
    return on_chirps(model)


class Awake(nn.Sequential):
    """Stays in training mode: somebody wanted Monte Carlo dropout, once."""

    def train(self, mode: bool = True) -> Awake:
        return super().train(True)


@noise("3.0", "3", rules=("train-override-ignores-mode", "eval-has-no-effect"))
def a_part_that_will_not_go_to_eval() -> Trained:
    model = fresh_nets.perceptron(64, 48, 48, 10)
    model.insert(3, Awake(nn.Dropout(0.25), nn.Linear(48, 48), nn.ReLU()))
    return on_digits(model, view=data.flat)


class Waking(fresh_nets.Memory):
    """Starts from a random state."""

    def start(self, x: Tensor) -> Tensor:
        return torch.randn(2, len(x), 24)


@noise("")
def a_memory_with_a_random_start() -> Trained:
    return on_chirps(Waking(norm=nn.LayerNorm))
