"""Evaluation data unlike the training data: the first norm is where it comes in."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from labelled_models import data, nets
from labelled_models.case import Trained, case
from labelled_models.training import fit

RULES = ("domain-shift-statistics", "preprocessing-mismatch", "train-eval-divergence")


def _shifted(model, change: data.Change, view: data.Change = data.unchanged) -> Trained:
    loader = data.training(64, view)
    fit(model, loader, 14)

    def changed(images: Tensor) -> Tensor:
        return view(change(images))

    return Trained(model, data.evaluation(changed), loader, clean=data.evaluation(view))


@case("domain", "blocks.0.norm", rules=RULES)
def less_contrast() -> Trained:
    return _shifted(nets.cnn(), lambda images: images * 0.3)


@case("domain", "blocks.0.norm", rules=RULES)
def an_offset() -> Trained:
    return _shifted(nets.cnn((12, 24, 24)), lambda images: images + 0.8)


@case("domain", "blocks.0.norm", rules=RULES)
def not_scaled() -> Trained:
    """Raw values of 0 to 16 where the training saw -1 to 1."""
    return _shifted(nets.mlp(), lambda images: (images + 1) * 8, data.flat)


@case("domain", "blocks.0.norm", rules=RULES)
def out_of_focus() -> Trained:
    return _shifted(nets.cnn(), lambda images: F.avg_pool2d(images, 3, stride=1, padding=1))


@case("domain", "blocks.0.norm", rules=RULES)
def other_patients() -> Trained:
    """Regression: the held rows lie a deviation away and twice as far apart."""
    inputs, targets, held, truth = data.diabetes()
    loader = data.batches(inputs, targets, 32, shuffle=True)
    model = fit(nets.mlp(24, inputs=10, outputs=1), loader, 20, rate=0.003, loss=F.mse_loss)
    moved = 2.0 * held + 1.0
    clean = data.batches(held, truth, 50, shuffle=False)
    return Trained(model, data.batches(moved, truth, 50, shuffle=False), loader, clean=clean)
