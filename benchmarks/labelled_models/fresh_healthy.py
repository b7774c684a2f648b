"""Healthy models in the fresh part."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune
from torch.optim.swa_utils import update_bn

from labelled_models import data, fresh_nets
from labelled_models.case import HEALTHY, Trained, case
from labelled_models.fresh_data import (
    Changed,
    on_chirps,
    on_clouds,
    on_digits,
    on_friedman,
    on_itself,
    rows_of,
)
from labelled_models.fresh_nets import groups
from labelled_models.training import fit

healthy = case(HEALTHY, half="fresh")


@healthy
def clouds_of_points() -> Trained:
    return on_clouds(fresh_nets.Points(), 10)


@healthy
def densely_connected_with_a_dropped_end() -> Trained:
    return on_digits(fresh_nets.Dense(last=0.3), 8, 48)


@healthy
def dilated_in_batches_of_20() -> Trained:
    return on_chirps(fresh_nets.Temporal(), 8, 20)


@healthy
def rows_mixed_behind_layer_norm() -> Trained:
    return on_digits(fresh_nets.Mixer(rate=0.15), 10, view=rows_of)


@healthy
def class_token_with_dropout() -> Trained:
    return on_digits(fresh_nets.Viewer(0.1), 8, view=rows_of, rate=0.003)


@healthy
def plain_memory_with_layer_norm() -> Trained:
    return on_chirps(fresh_nets.Memory(nn.RNN, 0.2, nn.LayerNorm), 10)


@healthy
def a_norm_on_raw_columns() -> Trained:
    """Columns are standardised by the model itself."""
    model = nn.Sequential(nn.BatchNorm1d(8), *fresh_nets.perceptron(8, 64, 48, 1))
    return on_friedman(model, 15, 64)


@healthy
def pruned_and_measured_anew() -> Trained:
    """A third of the weights goes; statistics are gathered again."""
    made = on_clouds(fresh_nets.Points(), 8)
    for layer in (made.model.lift, made.model.deep, made.model.mix):
        prune.l1_unstructured(layer, "weight", 0.3)
        prune.remove(layer, "weight")
    update_bn(made.training, made.model)
    made.model.eval()
    return made


@healthy
def slopes_drawn_in_training() -> Trained:
    """RReLU: a drawn slope in training, their mean in eval mode."""
    model = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.RReLU(), nn.Linear(64, 48), nn.RReLU())
    return on_digits(model.append(nn.Linear(48, 10)), 8, view=data.flat)


@healthy
def told_again_through_a_narrow_layer() -> Trained:
    return on_itself(fresh_nets.perceptron(64, 48, 12, 48, 64), 15, 64)


@healthy
def channels_dropped_between_group_norms() -> Trained:
    model = fresh_nets.Dense(groups)
    for layer in model.layers:
        layer.drop = nn.Dropout2d(0.15)
    return on_digits(model, 8)


def _moved(images: Tensor) -> Tensor:
    return images.roll(int(torch.randint(-1, 2, ())), 3)


@healthy
def trained_on_moved_images() -> Trained:
    """Up to a pixel to the side; evaluated where they were."""
    loader = Changed(data.training(32), _moved)
    model = fit(
        fresh_nets.Dense(), loader, 10, rate=0.005, loss=partial(F.cross_entropy, label_smoothing=0.1)
    )
    return Trained(model, data.evaluation(), loader)
