"""Modules of one's own that have another mean in training than in eval mode."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from labelled_models import data, nets
from labelled_models.case import Trained, case
from labelled_models.training import fit

RULES = ("expectation-shift",)


class Unscaled(nn.Module):
    """Dropout that forgets to divide by what it keeps."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.rand_like(x) >= self.rate) if self.training else x


class UnscaledDepth(nn.Module):
    """Stochastic depth that forgets the same, sample by sample."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * (torch.rand(x.shape[0], *[1] * (x.ndim - 1)) >= self.rate)


class Gain(nn.Module):
    """A gain that only training applies."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.8 * x if self.training else x


class OwnNorm(nn.Module):
    """A batch norm written anew, whose average is too slow."""

    def __init__(self, width: int, momentum: float = 0.002) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))
        self.gain, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            mean, variance = x.mean(0), x.var(0, unbiased=False)
            with torch.no_grad():
                self.mean.lerp_(mean, self.momentum)
                self.variance.lerp_(variance, self.momentum)
        else:
            mean, variance = self.mean, self.variance
        return (x - mean) / (variance + 1e-5).sqrt() * self.gain + self.shift


def _digits(model: nn.Module, epochs: int = 12) -> Trained:
    loader = data.training(64, data.flat)
    return Trained(fit(model, loader, epochs), data.evaluation(data.flat), loader)


@case("custom", "dropout", rules=RULES)
def dropout_without_its_factor() -> Trained:
    model = nets.mlp(norm=None)
    model.dropout = Unscaled(0.5)
    return _digits(model)


@case("custom", "blocks.1.last", rules=RULES)
def dropout_without_its_factor_behind_a_norm() -> Trained:
    layers = [nets.layer(64, 64), nets.layer(64, 64, last=Unscaled(0.4))]
    return _digits(nets.Classifier(layers, 64, rate=0.2))


@case("custom", "blocks.1.keep", "blocks.2.keep", "blocks.3.keep", rules=RULES)
def stochastic_depth_without_its_factor() -> Trained:
    return _digits(nets.residual_mlp([UnscaledDepth(0.5) for _ in range(3)]))


@case("custom", "blocks.1.last", rules=RULES)
def a_gain_in_training_only() -> Trained:
    layers = [nets.layer(64, 64), nets.layer(64, 64, last=Gain())]
    return _digits(nets.Classifier(layers, 64))


@case("custom", "blocks.1.norm", rules=RULES)
def a_norm_of_one_s_own() -> Trained:
    layers = [nets.layer(64, 64, norm=nn.LayerNorm), nets.layer(64, 64, norm=OwnNorm)]
    return _digits(nets.Classifier(layers, 64))
