"""Small trained networks whose norms are wrong, each in its own way, and trials of them."""

import math
from functools import cache

import torch
from torch import nn

from evalcheck.checkup.examination import trial as make
from evalcheck.probe import Trial
from tests.probe.nets import Shared, batches, mlp, trained

FEED = batches(256, 5)


def trial(model: nn.Module, held=None, feed=FEED, metric=None) -> Trial:
    """The model on 256 samples that judge and 256 others that feed."""
    return make(model, batches(256, 2) if held is None else held, feed, metric=metric)


def without_targets(loader):
    return [x for x, _ in loader]


@cache
def _dropped():
    return trained(mlp(before=0.5), epochs=6).state_dict()


def dropped() -> nn.Module:
    """Dropout right in front of both norms."""
    model = mlp(before=0.5)
    model.load_state_dict(_dropped())
    return model


@cache
def _shared():
    return trained(Shared(), epochs=6).state_dict()


def shared() -> nn.Module:
    model = Shared()
    model.load_state_dict(_shared())
    return model


@cache
def _plain():
    return trained(mlp(), epochs=8).state_dict()


def plain() -> nn.Module:
    """Nothing is wrong."""
    model = mlp()
    model.load_state_dict(_plain())
    return model


def slow(share: float = 0.5) -> nn.Module:
    """Half of the running statistics is still their start, as after 69 batches at a momentum of 0.01."""
    model = plain()
    for norm in (model[1], model[4]):
        norm.momentum = 0.01
        norm.num_batches_tracked.fill_(round(math.log(share) / math.log(0.99)))
        norm.running_mean.mul_(1 - share)
        norm.running_var.mul_(1 - share).add_(share)
    return model


def edited() -> nn.Module:
    model = plain()
    model[1].running_mean += 2.0
    return model


def untracked() -> nn.Module:
    """No running statistics at all."""
    model = mlp(track_running_stats=False)
    model.load_state_dict(_plain(), strict=False)
    return model


def broken(value: float = float("nan")) -> nn.Module:
    """One channel of the first norm is no number."""
    model = plain()
    model[1].running_var[3] = value
    return model


def instances() -> nn.Module:
    torch.manual_seed(0)
    norm = nn.InstanceNorm1d(6, affine=True, track_running_stats=True)
    return nn.Sequential(nn.Unflatten(1, (2, 6)), nn.Conv1d(2, 6, 3), norm, nn.Flatten(), nn.Linear(24, 4))


ALL = {
    "slow": slow,
    "dropped": dropped,
    "shared": shared,
    "edited": edited,
    "untracked": untracked,
    "broken": broken,
    "instances": instances,
}
