"""Dropout whose output reaches a batch norm: it widens what the norm sees, in training only."""

from __future__ import annotations

from torch import nn

from labelled_models import data, nets
from labelled_models.case import Trained, case
from labelled_models.training import fit

RULES = ("dropout-before-batchnorm",)


@case("dropout", "blocks.1.middle", "blocks.1.norm", rules=RULES)
def dropout_directly_before_a_norm() -> Trained:
    loader = data.training(64)
    blocks = [
        nets.block(1, 12, last=nn.MaxPool2d(2)),
        nets.block(12, 24, middle=nn.Dropout(0.5)),
        nets.block(24, 24),
    ]
    return Trained(fit(nets.Classifier(blocks, 24), loader, 12), data.evaluation(), loader)


@case("dropout", "blocks.1.first", "blocks.1.norm", rules=RULES)
def dropout_before_a_convolution_and_a_norm() -> Trained:
    loader = data.training(64)
    blocks = [nets.block(1, 12, last=nn.MaxPool2d(2)), nets.block(12, 24, first=nn.Dropout(0.4))]
    return Trained(fit(nets.Classifier(blocks, 24), loader, 16), data.evaluation(), loader)


@case("dropout", "blocks.1.first", "blocks.1.norm", rules=RULES)
def channel_dropout_before_a_convolution() -> Trained:
    """Whole channels go: the sums over them lose more."""
    loader = data.training(64)
    blocks = [nets.block(1, 12, last=nn.MaxPool2d(2)), nets.block(12, 24, first=nn.Dropout2d(0.3))]
    return Trained(fit(nets.Classifier(blocks, 24), loader, 16), data.evaluation(), loader)


@case("dropout", "blocks.2.first", "blocks.2.norm", rules=RULES)
def dropout_before_a_linear_and_a_norm() -> Trained:
    loader = data.training(64, data.flat)
    layers = [nets.layer(64, 64), nets.layer(64, 64), nets.layer(64, 64, first=nn.Dropout(0.5))]
    return Trained(fit(nets.Classifier(layers, 64), loader, 15), data.evaluation(data.flat), loader)


@case("dropout", "blocks.1.middle", "blocks.1.norm", rules=RULES)
def dropout_before_the_norm_of_a_perceptron() -> Trained:
    loader = data.training(64, data.flat)
    layers = [nets.layer(64, 64), nets.layer(64, 64, middle=nn.Dropout(0.3))]
    return Trained(fit(nets.Classifier(layers, 64), loader, 15), data.evaluation(data.flat), loader)


@case("dropout", "blocks.1.branch.middle", "blocks.1.branch.norm", rules=RULES)
def dropout_early_in_a_residual_net() -> Trained:
    """One of five norms has it in front; those behind it see the widened stream too."""
    loader = data.training(64)
    model = nets.residual_cnn(depth=4)
    model.blocks[1].branch = nets.block(12, 12, middle=nn.Dropout(0.5))
    return Trained(fit(model, loader, 14), data.evaluation(), loader)
