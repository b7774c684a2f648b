"""Eval mode that is random itself, and eval mode that looks at the whole batch."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelled_models import data, nets
from labelled_models.case import LEAK, Trained, case
from labelled_models.training import fit

RANDOM = "nondeterministic-eval"


class Always(nn.Module):
    """Functional dropout that is not told the mode."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.4)


class Attention(nn.Module):
    """Self-attention over the rows of an image, with a dropout rate that no mode turns off."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(2, (4, -1)).transpose(1, 2) for part in self.project(x).chunk(3, 2)
        )
        found = F.scaled_dot_product_attention(query, key, value, dropout_p=0.3)
        return x + self.out(found.transpose(1, 2).flatten(2))


class Rows(nn.Module):
    """Rows of an image as tokens through attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Linear(8, 32), nn.LayerNorm(32)
        self.position = nn.Parameter(torch.randn(8, 32) * 0.1)
        self.attention = Attention()
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.attention(self.embed(x) + self.position)).mean(1))


class Listed(nn.Module):
    """Dropouts kept in a plain list: eval() does not reach them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nets.layer(64, 64, norm=None), nets.layer(64, 64, norm=None)])
        self.drops = [nn.Dropout(0.3), nn.Dropout(0.3)]
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        for layer, drop in zip(self.layers, self.drops, strict=True):
            x = drop(layer(x))
        return self.head(x)


class Shaken(nn.Module):
    """Noise on the features, in both modes."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.5 * torch.randn_like(x)


def _digits(model: nn.Module, view: data.Change = data.flat, epochs: int = 10) -> Trained:
    loader = data.training(64, view)
    return Trained(fit(model, loader, epochs), data.evaluation(view), loader)


@case("noise", "blocks.1.last", rules=(RANDOM, "functional-dropout-ungated"))
def functional_dropout_always_on() -> Trained:
    layers = [nets.layer(64, 64), nets.layer(64, 64, last=Always())]
    return _digits(nets.Classifier(layers, 64))


@case("noise", "attention", rules=(RANDOM, "attention-dropout-ungated"))
def attention_dropout_always_on() -> Trained:
    return _digits(Rows(), data.rows_as_steps)


@case("noise", "", rules=(RANDOM, "unregistered-submodule"))
def dropouts_in_a_list() -> Trained:
    return _digits(Listed())


@case("noise", "blocks.0.last", rules=(RANDOM, "random-op-ungated"))
def noise_on_the_features() -> Trained:
    layers = [nets.layer(64, 64, last=Shaken()), nets.layer(64, 64)]
    return _digits(nets.Classifier(layers, 64))


@case(LEAK, rules=("batch-size-dependent-eval", "batchnorm-without-running-stats"))
def norms_without_running_statistics() -> Trained:
    norm = partial(nn.BatchNorm2d, track_running_stats=False)
    loader = data.training(64)
    return Trained(fit(nets.cnn(norm=norm), loader, 14), data.evaluation(), loader)


class Leaking(nn.Module):
    """A norm of one's own that takes the batch's statistics in both modes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean(0)) / (x.std(0) + 1e-5) * self.gain + self.shift


@case(LEAK, "blocks.1.norm", rules=("batch-size-dependent-eval", "batch-mate-dependent-eval"))
def a_norm_that_leaks() -> Trained:
    layers = [nets.layer(64, 64, norm=nn.LayerNorm), nets.layer(64, 64, norm=Leaking)]
    return _digits(nets.Classifier(layers, 64))
