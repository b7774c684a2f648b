"""Random eval modes and eval modes that look at the whole batch, in the frozen half."""

from __future__ import annotations

import random
from functools import partial

import numpy
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelled_models import data, frozen_data, frozen_nets
from labelled_models.case import LEAK, Trained, case
from labelled_models.frozen_data import held, mixed
from labelled_models.training import fit

RANDOM = "nondeterministic-eval"


def noise(*culprits: str, rules: tuple[str, ...] = ()):
    return case("noise", *culprits, rules=(RANDOM, *rules), half="frozen")


def _waves(model: nn.Module, epochs: int = 8) -> Trained:
    loader = mixed(frozen_data.waves(1024, 1), 32)
    return Trained(fit(model, loader, epochs, rate=0.005), held(frozen_data.waves(500, 2)), loader)


def _images(model: nn.Module, epochs: int = 5) -> Trained:
    loader = data.training(32)
    return Trained(fit(model, loader, epochs), data.evaluation(), loader)


class Gate(nn.Module):
    """Draws an expert by Gumbel noise in both modes."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.linear = nn.Linear(columns, 2)

    def forward(self, x: Tensor) -> Tensor:
        return F.gumbel_softmax(self.linear(x), tau=0.5)


@noise("gate", rules=("random-op-ungated",))
def experts_drawn_in_eval() -> Trained:
    loader = mixed(frozen_data.table(1024, 1), 32)
    model = frozen_nets.Experts(12, 1, Gate(12))
    fit(model, loader, 10, rate=0.005, loss=F.mse_loss)
    return Trained(model, held(frozen_data.table(500, 2)), loader)


class Crop(nn.Module):
    """A window at a random place, an augmentation that became part of the model."""

    def forward(self, x: Tensor) -> Tensor:
        top, left = torch.randint(3, (2,)).tolist()
        return x[:, :, top : top + 6, left : left + 6]


@noise("stages.0.before", rules=("random-op-ungated",))
def a_crop_inside_the_model() -> Trained:
    model = frozen_nets.excited()
    model.stages[0].before = Crop()
    return _images(model)


class Code(nn.Module):
    """A bounded code with noise, drawn in both modes."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.mean = nn.Linear(width, size)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.mean(x).tanh()
        return mean + 0.3 * torch.randn_like(mean)


class Drawing(nn.Module):
    """A variational autoencoder of images."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.code = nn.Sequential(nn.Linear(64, 48), nn.ReLU()), Code(48, 10)
        self.decoder = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 64))

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.code(self.encoder(x)))


@noise("code", rules=("random-op-ungated",))
def a_code_drawn_in_eval() -> Trained:
    images, _, rest, _ = (part.flatten(1) if part.ndim == 4 else part for part in data.digits())
    loader = mixed((images, images), 32)
    model = fit(Drawing(), loader, 6, rate=0.003, loss=F.mse_loss)
    return Trained(model, held((rest, rest)), loader)


class BuiltAnew(nn.Module):
    """Dropout that is made in forward: a new module is in training mode."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.Dropout(0.3)(x)


@noise("neck", rules=("functional-dropout-ungated", "unregistered-submodule"))
def dropout_built_in_forward() -> Trained:
    model = frozen_nets.series()
    model.neck = BuiltAnew()
    return _waves(model)


class Channels(nn.Module):
    """Functional dropout of channels, whose default is to be on."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout2d(x, 0.2)


@noise("stages.2.after", rules=("functional-dropout-ungated",))
def functional_channel_dropout() -> Trained:
    model = frozen_nets.separable()
    model.stages.insert(2, frozen_nets.stage2d(24, 24, after=Channels()))
    return _images(model)


class Masked(nn.Module):
    """Part of the tokens is masked for a pretext task that is long over."""

    def forward(self, x: Tensor) -> Tensor:
        return x.masked_fill(torch.rand(x.shape[:2])[..., None] < 0.15, 0.0)


@noise("embed.mask", rules=("random-op-ungated",))
def tokens_masked_in_eval() -> Trained:
    model = frozen_nets.Encoder()
    model.embed = nn.Sequential()
    model.embed.add_module("table", nn.Embedding(12, 24))
    model.embed.add_module("mask", Masked())
    loader = mixed(frozen_data.tokens(1024, 1))
    return Trained(fit(model, loader, 8), held(frozen_data.tokens(500, 2)), loader)


class Attention(nn.Module):
    """Attention over the steps of a series, with functional dropout on its weights."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.project = nn.Linear(width, 3 * width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.project(x.transpose(1, 2)).chunk(3, 2)
        weights = (query @ key.transpose(1, 2) / query.shape[2] ** 0.5).softmax(2)
        return x + (F.dropout(weights, 0.4) @ value).transpose(1, 2)


@noise("stages.3", rules=("functional-dropout-ungated", "attention-dropout-ungated"))
def dropout_on_attention_weights() -> Trained:
    model = frozen_nets.series(partial(nn.GroupNorm, 4))
    model.stages.append(Attention())
    return _waves(model)


class Jitter(nn.Module):
    """Noise from numpy's generator."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.from_numpy(numpy.random.normal(0, 0.4, x.shape)).float()


@noise("stages.0.before", rules=("random-op-ungated",))
def noise_from_numpy() -> Trained:
    model = frozen_nets.series()
    model.stages[0].before = Jitter()
    return _waves(model)


class Loudness(nn.Module):
    """One gain for the whole batch, by Python's generator."""

    def forward(self, x: Tensor) -> Tensor:
        return x * random.uniform(0.2, 2.5)


@noise("stages.0.before", rules=("random-op-ungated",))
def a_gain_by_python_s_generator() -> Trained:
    model = frozen_nets.series()
    model.stages[0].before = Loudness()
    return _waves(model)


def leak(*culprits: str):
    rules = ("batch-size-dependent-eval", "batch-mate-dependent-eval", "batchnorm-without-running-stats")
    return case(LEAK, *culprits, rules=rules, half="frozen")


class Levelled(nn.Module):
    """Takes the batch's own level and loudness off a series, in both modes."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean()) / x.std()


@leak("stages.0.before")
def series_levelled_by_their_batch() -> Trained:
    model = frozen_nets.series(partial(nn.GroupNorm, 4))
    model.stages[0].before = Levelled()
    return _waves(model)


class Rows(nn.Module):
    """A transformer that takes the samples for the steps: batch_first was forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.place = nn.Linear(8, 24), nn.Parameter(torch.randn(8, 24))
        self.encoder = nn.TransformerEncoderLayer(24, 4, 48, 0.0)
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x) + self.place).mean(1))


@leak("encoder", "encoder.self_attn")
def attention_over_the_batch() -> Trained:
    loader = data.training(32, data.rows_as_steps)
    return Trained(fit(Rows(), loader, 10), data.evaluation(data.rows_as_steps), loader)


class Best(nn.Module):
    """Weighs samples by a softmax over the wrong dimension."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.score(x).softmax(0) * len(x)


@leak("neck")
def softmax_over_the_samples() -> Trained:
    model = frozen_nets.series(partial(nn.GroupNorm, 4))
    model.neck = Best(32)
    return _waves(model)
