"""Running statistics that are not those of the data under today's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel

from labelled_models import data, nets
from labelled_models.case import Trained, case
from labelled_models.training import fit

RULES = (
    "statistics-mismatch",
    "statistics-never-updated",
    "statistics-underconverged",
    "train-eval-divergence",
)


def _norms(model: nn.Module) -> list[_BatchNorm]:
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


def _set(model: nn.Module, momentum: float) -> nn.Module:
    for norm in _norms(model):
        norm.momentum = momentum
    return model


def _done(model: nn.Module, loader, view: data.Change = data.unchanged) -> Trained:
    return Trained(model.eval(), data.evaluation(view), loader)


@case("stale", rules=RULES)
def slow_average() -> Trained:
    """momentum .001: after 480 steps the initial values weigh 62 %."""
    loader = data.training(32)
    return _done(fit(_set(nets.cnn(), 0.001), loader, 12), loader)


@case("stale", rules=RULES)
def slow_average_of_a_perceptron() -> Trained:
    loader = data.training(64, data.flat)
    return _done(fit(_set(nets.mlp(depth=3), 0.003), loader, 10), loader, data.flat)


@case("stale", "blocks.1.norm", rules=RULES)
def one_norm_never_updated() -> Trained:
    """momentum 0 in the middle one of three."""
    loader = data.training(64, data.flat)
    model = nets.mlp(depth=3)
    model.blocks[1].norm.momentum = 0.0
    return _done(fit(model, loader, 10), loader, data.flat)


@case("stale", "blocks.3.branch.norm", rules=RULES)
def one_norm_reset() -> Trained:
    """One of nine is put back to mean 0 and variance 1 after training."""
    loader = data.training(64)
    model = fit(nets.residual_cnn(), loader, 10)
    model.blocks[3].branch.norm.reset_running_stats()
    return _done(model, loader)


@case("stale", "blocks.6.branch.norm", rules=RULES)
def one_norm_corrupted() -> Trained:
    """One of nine takes means from elsewhere: half a deviation off in every channel."""
    loader = data.training(64)
    model = fit(nets.residual_cnn(), loader, 10)
    norm = model.blocks[6].branch.norm
    norm.running_mean += 0.7 * norm.running_var.sqrt() * torch.randn(len(norm.running_var)).sign()
    return _done(model, loader)


@case("stale", "blocks.1.norm", rules=RULES)
def deviation_taken_for_variance() -> Trained:
    """Weights from a framework that stores standard deviations, in one norm."""
    loader = data.training(64)
    model = fit(nets.cnn((12, 24, 24)), loader, 12)
    model.blocks[1].norm.running_var.mul_(12.0).sqrt_()
    return _done(model, loader)


@case("stale", rules=(*RULES, "averaged-weights-stale-statistics", "ema-buffers-not-synced"))
def average_without_recalibration() -> Trained:
    """Weights averaged over the training; the copy's statistics are those of its first update."""
    loader = data.training(32)
    model = nets.cnn((12, 24, 24))
    averaged = AveragedModel(model)

    def average(epoch: int) -> None:
        averaged.update_parameters(model)

    fit(model, loader, 8, falling=False, each_epoch=average)
    return _done(averaged, loader)


class Restless(nn.BatchNorm1d):
    """Its forward lowers its own momentum, as if only the present mode would see it."""

    def forward(self, x: Tensor) -> Tensor:
        self.momentum = 0.001
        return super().forward(x)


@case("stale", "blocks.2.norm", rules=(*RULES, "batchnorm-momentum-mutated"))
def momentum_written_in_forward() -> Trained:
    loader = data.training(64, data.flat)
    model = nets.mlp(depth=3)
    model.blocks[2].norm = Restless(64)
    return _done(fit(model, loader, 10), loader, data.flat)


@case("stale", rules=(*RULES, "batchnorm-momentum-suspicious"))
def last_small_batch_decides() -> Trained:
    """momentum 1 keeps the last batch only, and that had four samples."""
    loader = data.training(64, data.flat)
    model = fit(_set(nets.mlp(depth=2), 1.0), loader, 10)
    images, _, _, _ = data.digits()
    with torch.no_grad():
        model.train()(data.flat(images[:4]))
    return _done(model, loader, data.flat)


@case("stale", rules=RULES)
def statistics_stopped_early() -> Trained:
    """From the second epoch on the statistics stand still while the weights move."""
    loader = data.training(32)
    model = nets.cnn()

    def stop(epoch: int) -> None:
        _set(model, 0.0)

    return _done(fit(model, loader, 14, each_epoch=stop), loader)
