"""Stale statistics in the frozen half: weights that moved on, norms left out, buffers from elsewhere."""

from __future__ import annotations

import copy
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from labelled_models import data, frozen_data, frozen_nets
from labelled_models.case import Trained, case
from labelled_models.frozen_data import held, mixed
from labelled_models.training import fit

RULES = (
    "statistics-mismatch",
    "statistics-never-updated",
    "statistics-underconverged",
    "train-eval-divergence",
)
stale = partial(case, "stale", rules=RULES, half="frozen")


def _norms(model: nn.Module) -> list[_BatchNorm]:
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


def _momentum(model: nn.Module, value: float | None) -> None:
    for norm in _norms(model):
        norm.momentum = value


def _waves(model: nn.Module, epochs: int = 8, rate: float = 0.005) -> Trained:
    loader = mixed(frozen_data.waves(1024, 1), 32)
    return Trained(fit(model, loader, epochs, rate=rate), held(frozen_data.waves(500, 2)), loader)


@stale()
def frozen_by_momentum_for_a_second_task() -> Trained:
    """Statistics are thought to be frozen by a momentum of 0; the weights go on, on batch statistics."""
    images, classes, _, _ = data.digits()
    model = fit(frozen_nets.excited(), mixed((images, classes % 2), 32), 3)
    _momentum(model, 0.0)
    loader = data.training(32)
    return Trained(fit(model, loader, 5), data.evaluation(), loader)


@stale()
def half_of_the_weights_pruned() -> Trained:
    """The smaller half of each layer's weights is set to zero afterwards."""
    made = _waves(frozen_nets.series())
    with torch.no_grad():
        for stage in made.model.stages:
            weight = stage.conv.weight
            weight *= weight.abs() > weight.abs().median()
    return made


@stale()
def checkpoints_averaged_by_name() -> Trained:
    """The mean of all epochs' parameters, with the last epoch's buffers."""
    model = frozen_nets.excited()
    kept: list[dict[str, Tensor]] = []

    def keep(epoch: int) -> None:
        kept.append({name: value.detach().clone() for name, value in model.named_parameters()})

    loader = data.training(32)
    fit(model, loader, 6, rate=0.02, falling=False, each_epoch=keep)
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.stack([one[name] for one in kept]).mean(0))
    return Trained(model, data.evaluation(), loader)


@stale("stages.1.depth_norm", "stages.2.depth_norm")
def slow_norms_behind_depthwise_layers() -> Trained:
    """Two of five norms came with another framework's default, a momentum of .001."""
    model = frozen_nets.separable()
    for stage in model.stages[1:]:
        stage.depth_norm.momentum = 0.001
    loader = data.training(32)
    return Trained(fit(model, loader, 6), data.evaluation(), loader)


@stale("bottom.norm")
def a_variance_four_times_too_large() -> Trained:
    """In one norm of a dense net."""
    images, _, rest, _ = data.digits()
    loader = mixed((frozen_data.fuzzy(images, 1), images))
    model = fit(frozen_nets.UNet(), loader, 5, loss=F.mse_loss)
    model.bottom.norm.running_var *= 4
    return Trained(model, held((frozen_data.fuzzy(rest, 2), rest)), loader)


@stale("norm")
def statistics_of_a_sister() -> Trained:
    """Buffers of a model from another seed behind a recurrent memory."""
    sister = _waves(frozen_nets.Remembering(), 6).model
    made = _waves(frozen_nets.Remembering(), 12)
    made.model.load_state_dict(dict(sister.named_buffers()), strict=False)
    return made


@stale()
def cumulative_average_from_the_start() -> Trained:
    """momentum=None: the first steps' statistics weigh as much as the last ones'."""
    model = frozen_nets.excited()
    _momentum(model, None)
    loader = data.training(32)
    return Trained(fit(model, loader, 4, rate=0.02), data.evaluation(), loader)


class WithLate(nn.Module):
    """A net to which a norm on the input is added once it is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.late: nn.Module = nn.Identity()
        self.body = frozen_nets.residual(30, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.late(x))


@stale("late")
def a_norm_added_late() -> Trained:
    """Raw columns of other scales, twelve more steps with the new norm at a momentum of .01."""
    inputs, targets, rest, truth = frozen_data.tumours()
    scale = torch.linspace(0.3, 3, 30)
    loader = mixed((inputs * scale + 2, targets), 32)
    model = fit(WithLate(), loader, 5, rate=0.003)
    model.late = nn.BatchNorm1d(30, momentum=0.01)
    return Trained(fit(model, loader, 1, rate=0.003), held((rest * scale + 2, truth), 85), loader)


@stale()
def loaded_without_buffers() -> Trained:
    """Only parameters came with the checkpoint: every norm starts from mean 0 and variance 1."""
    loader = mixed(frozen_data.tokens(1024, 1))
    model = fit(frozen_nets.Encoder(frozen_nets.TokenNorm), loader, 12)
    fresh = frozen_nets.Encoder(frozen_nets.TokenNorm)
    fresh.load_state_dict(dict(model.named_parameters()), strict=False)
    return Trained(fresh.eval(), held(frozen_data.tokens(500, 2)), loader)


@stale()
def weights_rounded_to_three_values() -> Trained:
    """Each weight becomes -1, 0 or 1 times its row's scale, without new statistics."""
    loader = data.training(32)
    model = fit(frozen_nets.separable(), loader, 6)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                step = 1.4 * module.weight.abs().mean((1, 2, 3), keepdim=True)
                module.weight.copy_((module.weight / step).round().clamp(-1, 1) * step)
    return Trained(model, data.evaluation(), loader)


@stale("4")
def buffers_of_a_later_layer_lost() -> Trained:
    """Of three norms in a spirals net the second is copied from the first."""
    parts: list[nn.Module] = []
    for one, two in ((2, 32), (32, 32), (32, 32)):
        parts += [nn.Linear(one, two), nn.BatchNorm1d(two), nn.ReLU()]
    model = nn.Sequential(*parts, nn.Linear(32, 3))
    loader = mixed(frozen_data.spirals(1024, 1), 32)
    fit(model, loader, 12)
    model[4].load_state_dict(copy.deepcopy(dict(model[1].named_buffers())), strict=False)
    return Trained(model, held(frozen_data.spirals(500, 2)), loader)
