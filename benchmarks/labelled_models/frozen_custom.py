"""Modules of one's own with another mean in training than in eval mode, in the frozen half."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelled_models import data, frozen_data, frozen_nets
from labelled_models.case import Trained, case
from labelled_models.frozen_data import held, mixed
from labelled_models.training import fit

custom = partial(case, "custom", rules=("expectation-shift",), half="frozen")
groups = partial(nn.GroupNorm, 4)


def _waves(model: nn.Module, epochs: int = 8) -> Trained:
    loader = mixed(frozen_data.waves(1024, 1), 32)
    return Trained(fit(model, loader, epochs, rate=0.005), held(frozen_data.waves(500, 2)), loader)


class Loudness(nn.Module):
    """Divides by the batch's root mean square per channel, in eval mode by a far too slow average of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width, 1))
        self.register_buffer("average", torch.ones(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        size = self.average
        if self.training:
            size = x.square().mean((0, 2))[:, None].sqrt()
            self.average.lerp_(size.detach(), 0.0002)
        return x / (size + 1e-5) * self.gain


@custom("stages.0.norm", "stages.1.norm")
def a_slow_loudness_norm() -> Trained:
    model = frozen_nets.series(groups)
    for stage in model.stages[:2]:
        stage.norm = Loudness(16)
    return _waves(model)


class Depth(nn.Module):
    """Drops what it is given for a whole batch at a time, and scales nothing."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.rand(()) >= 0.7) if self.training else x


@custom("1.keep", "2.keep", "3.keep")
def whole_batches_skip_a_branch() -> Trained:
    loader = mixed(frozen_data.table(1024, 1), 32)
    model = frozen_nets.residual(12, 1, norm=nn.LayerNorm)
    for branch in model[1:4]:
        branch.keep = Depth()
    fit(model, loader, 10, rate=0.005, loss=F.mse_loss)
    return Trained(model, held(frozen_data.table(500, 2)), loader)


class Thinned(nn.Module):
    """Half of the tokens go in training; who sums over them gets half."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.rand(len(x), x.shape[1], 1) >= 0.5) if self.training else x


class Counting(nn.Module):
    """Embedded tokens, thinned out, summed, and read by a perceptron."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.embed, self.thinned = nn.Embedding(12, width), Thinned()
        self.inner, self.head = nn.Linear(width, 48), nn.Linear(48, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.inner(self.thinned(self.embed(x)).sum(1))))


@custom("thinned")
def tokens_dropped_from_a_sum() -> Trained:
    """How often does the first token come?"""

    def counted(count: int, seed: int) -> frozen_data.Rows:
        found = frozen_data.tokens(count, seed)[0]
        return found, (found == 0).sum(1, keepdim=True).float()

    loader = mixed(counted(1024, 1))
    model = fit(Counting(), loader, 12, rate=0.005, loss=F.mse_loss)
    return Trained(model, held(counted(500, 2)), loader)


class Tempered(nn.Module):
    """Attention weights of steps; the temperature belongs to training alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Conv1d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        temperature = 0.1 if self.training else 1.0
        weights = (self.score(x) / temperature).softmax(2)
        return (x * weights).sum(2, keepdim=True)


@custom("stages.3")
def attention_with_a_temperature_in_training() -> Trained:
    model = frozen_nets.series(groups)
    model.stages.append(Tempered(32))
    return _waves(model)


class Forecaster(nn.Module):
    """Steps through a series: in training on its true values, in eval mode on its own forecasts."""

    def __init__(self, known: int = 4) -> None:
        super().__init__()
        self.known, self.cell, self.out = known, nn.GRUCell(1, 24), nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        state, value, found = x.new_zeros(len(x), 24), x[:, :1], []
        for step in range(x.shape[1]):
            given = x[:, step : step + 1] if self.training or step < self.known else value
            state = self.cell(given, state)
            value = self.out(state)
            found.append(value)
        return torch.cat(found, 1)


@custom("decoder")
def forced_by_true_values() -> Trained:
    """Random walks, told step by step in training: eval mode has to guess where they go."""

    def walks(count: int, seed: int) -> frozen_data.Rows:
        generator = torch.Generator().manual_seed(seed)
        steps = torch.randn(count, 17, generator=generator) * 0.5
        series = steps.cumsum(1)
        return series[:, :-1], series[:, 1:]

    loader = mixed(walks(1024, 1))
    model = nn.Sequential()
    model.add_module("decoder", Forecaster())
    fit(model, loader, 8, loss=F.mse_loss)
    return Trained(model, held(walks(500, 2)), loader)


class Mixout(nn.Linear):
    """Part of the weights falls back to where they started from, in training; nothing makes up for it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.register_buffer("start", self.weight.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        if self.training:
            weight = torch.where(torch.rand_like(weight) < 0.8, self.start, weight)
        return F.linear(x, weight, self.bias)


@custom("3")
def mixout_without_its_factor() -> Trained:
    inputs, targets, rest, truth = data.digits()
    loader = mixed((inputs.flatten(1), targets), 32)
    model = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.ReLU(), Mixout(64, 64))
    for part in (nn.LayerNorm(64), nn.ReLU(), nn.Linear(64, 10)):
        model.append(part)
    return Trained(fit(model, loader, 10, rate=0.005), held((rest.flatten(1), truth)), loader)


class Raised(nn.Module):
    """Noise that is never negative."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 2 * torch.rand_like(x) if self.training else x


@custom("enter.before")
def noise_with_a_mean() -> Trained:
    images, _, rest, _ = data.digits()
    loader = mixed((frozen_data.fuzzy(images, 1), images))
    model = frozen_nets.UNet(partial(nn.GroupNorm, 2))
    model.enter.before = Raised()
    fit(model, loader, 5, loss=F.mse_loss)
    return Trained(model, held((frozen_data.fuzzy(rest, 2), rest)), loader)


class Peaks(nn.Module):
    """The largest of four steps in training, their mean in eval mode."""

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool1d(x, 4) if self.training else F.avg_pool1d(x, 4)


@custom("stages.1.after")
def another_pooling_in_eval() -> Trained:
    model = frozen_nets.series(groups)
    model.stages[1].after = Peaks()
    return _waves(model)
