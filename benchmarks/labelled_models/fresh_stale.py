"""Stale statistics in the fresh part: exports, soups, merged and permuted checkpoints."""

from __future__ import annotations

import copy
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from labelled_models import fresh_nets
from labelled_models.case import Trained, case
from labelled_models.fresh_data import friedman, on_chirps, on_clouds, on_digits
from labelled_models.frozen_data import held, mixed
from labelled_models.training import fit

RULES = (
    "statistics-mismatch",
    "statistics-never-updated",
    "statistics-underconverged",
    "train-eval-divergence",
)
stale = partial(case, "stale", rules=RULES, half="fresh")


@stale("levels.1.norm")
def a_scale_left_out_on_export() -> Trained:
    """A layer's weights are stored in other units: twice as large as those its norm has seen."""
    made = on_chirps(fresh_nets.Temporal())
    with torch.no_grad():
        made.model.levels[1].conv.weight.mul_(2.0)
        made.model.levels[1].conv.bias.mul_(2.0)
    return made


@stale()
def a_soup_of_two() -> Trained:
    """The mean of two descendants of one start, buffers and all."""
    start = on_digits(fresh_nets.Dense(), 2)
    one, two = (fit(copy.deepcopy(start.model), start.training, 6, rate=0.04) for _ in range(2))
    with torch.no_grad():
        for mine, other in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(other, 0.5)
    return Trained(one, start.evaluation, start.training)


@stale("deep_norm")
def channels_permuted_but_for_the_buffers() -> Trained:
    """A converter put the channels of one layer into another order, and left its norm's buffers."""
    made = on_clouds(fresh_nets.Points())
    model, order = made.model, torch.arange(48).flip(0)
    with torch.no_grad():
        for value in (model.deep.weight, model.deep.bias, model.deep_norm.weight, model.deep_norm.bias):
            value.copy_(value[order].clone())
        model.mix.weight.copy_(model.mix.weight[:, order].clone())
    return made


@stale("0")
def statistics_of_other_units() -> Trained:
    """The norm on raw columns was filled by hand, from a table in which one of them was in hundreds."""
    rows, target = friedman(1024, 15)
    others, truth = friedman(500, 16)
    loader = mixed((rows * 3 + 5, target), 32)
    model = nn.Sequential(nn.BatchNorm1d(8), *fresh_nets.perceptron(8, 48, 32, 1))
    fit(model, loader, 10, rate=0.005, loss=F.mse_loss)
    model[0].running_mean[3] *= 0.6
    model[0].running_var[3] *= 4
    return Trained(model, held((others * 3 + 5, truth)), loader)
