"""How good an output is against its targets: loss and accuracy, sample by sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from evalcheck.batch import tree
from evalcheck.batch.layouts import dense
from evalcheck.complaint import Complaint
from evalcheck.probe.running import masks, outputs

Metric = Callable[[Any, Any], Any]
PerSample = dict[str, Tensor]
OF_PROBABILITIES = " of probabilities"
GUESSING = "guessing"
# Labels of what is to be left out: torch's default, and what segmentation data use for it.
IGNORED = (-100, -1, 255)
# Two ways to one loss: means over samples and over positions differ a little.
SAME = 0.05


def score(output: Any, targets: Any, size: int) -> PerSample:
    """``loss`` and, for classes, ``accuracy``: each (size,) float32. Empty where targets do not fit.

    Integer targets with a class axis in the output: cross entropy (of logits, log-probabilities or
    probabilities) and the share of right answers, mean over positions for dense outputs; -100, -1 and 255
    are left out where they are no class, as in torch and in segmentation; ``guessing`` is the loss of
    equal probabilities, log C. Targets 0 and 1 of the output's shape: binary cross entropy. Float targets
    of the output's shape: ``squared error``. A loss that the model computes itself (a scalar named
    ``loss`` in its output) counts before all of these: it knows how targets are meant. Accuracy stands beside
    it where the targets are those classes. Losses carry gradients where the output does.
    """
    found = _against(outputs.primary(output, size), targets, size)
    own = dict(tree.leaves(output)).get("loss")
    if own is None or own.numel() != 1 or not own.is_floating_point():
        return found
    own = own.float().reshape(1)
    meant = _are_meant(found, targets, own, outputs.is_logits(output, size))
    right = {name: values for name, values in found.items() if name.startswith("accuracy")}
    return {"loss": own.expand(size)} | (right if meant else {})


def _are_meant(found: PerSample, targets: Any, own: Tensor, logits: bool) -> bool:
    """Whether targets are the classes of this output: one a row of logits, or with the same loss.

    A language model's are those of the next position, and an autoencoder's output is none of classes.
    """
    if not isinstance(targets, Tensor) or targets.is_floating_point() or "accuracy" not in found:
        return False
    apart = abs(float(found["loss"].detach().mean() - own.detach()))
    return apart <= SAME * abs(float(own.detach())) or (logits and targets.numel() == len(targets))


def _against(predicted: Tensor | None, targets: Any, size: int) -> PerSample:
    """The scores by the shapes and types of an output and its targets."""
    targets = dense(targets) if isinstance(targets, Tensor) else targets
    if predicted is None or not isinstance(targets, Tensor) or targets.shape[:1] != (size,):
        return {}
    predicted, targets = masks.choosable(predicted.float()), targets.to(predicted.device)
    if not targets.is_floating_point():
        if (
            predicted.ndim >= 2
            and predicted.shape[1] > 1
            and predicted.shape[:1] + predicted.shape[2:] == targets.shape
        ):
            return _classes(predicted, targets.long())
        if predicted.ndim == 3 and predicted.shape[:2] == targets.shape:
            return _classes(predicted.transpose(1, 2), targets.long())
    if predicted.numel() != targets.numel():
        return {}
    predicted, targets = predicted.reshape(size, -1), targets.reshape(size, -1).float()
    if bool(((targets == 0) | (targets == 1)).all()):
        return _binary(predicted, targets)
    return {"squared error": (predicted - targets).square().mean(1)}


def _classes(predicted: Tensor, targets: Tensor) -> PerSample:
    counted = (targets >= 0) & (targets < predicted.shape[1])
    if not all(value in IGNORED for value in torch.unique(targets[~counted]).tolist()):
        return {}
    targets = targets.where(counted, -100)
    if bool((predicted >= 0).all()) and bool((predicted.sum(1) - 1).abs().max() < 1e-3):
        predicted = predicted.clamp_min(1e-12).log()
    loss = F.cross_entropy(predicted, targets, reduction="none")
    right = (predicted.argmax(1) == targets).float()
    weight = counted.float().reshape(len(targets), -1)
    total = weight.sum(1).clamp_min(1)

    def mean(values: Tensor) -> Tensor:
        return (values.reshape(len(targets), -1) * weight).sum(1) / total

    guessing = torch.full((len(targets),), math.log(predicted.shape[1]))
    return {"loss": mean(loss), "accuracy": mean(right), GUESSING: guessing.to(loss.device)}


def _binary(predicted: Tensor, targets: Tensor) -> PerSample:
    """As logits, and as probabilities too where they could be: the whole pool decides, not one batch."""
    loss = F.binary_cross_entropy_with_logits(predicted, targets, reduction="none")
    right = (predicted > 0) == (targets > 0.5)
    found = {"loss": loss.mean(1), "accuracy": right.float().mean(1)}
    if bool(((predicted >= 0) & (predicted <= 1)).all()):
        loss = F.binary_cross_entropy(predicted, targets, reduction="none")
        right = (predicted > 0.5) == (targets > 0.5)
        found |= {
            f"loss{OF_PROBABILITIES}": loss.mean(1),
            f"accuracy{OF_PROBABILITIES}": right.float().mean(1),
        }
    return found


def settled(scores: PerSample, samples: int) -> PerSample:
    """The scores that every sample has; of probabilities, where all outputs could be such."""
    whole = {name: values for name, values in scores.items() if len(values) == samples}
    plain = {name: values for name, values in whole.items() if not name.endswith(OF_PROBABILITIES)}
    return plain | {
        name.removesuffix(OF_PROBABILITIES): values
        for name, values in whole.items()
        if name.endswith(OF_PROBABILITIES)
    }


def user_metric(metric: Metric, output: Any, targets: Any, size: int) -> PerSample:
    """The user's metric of one batch, the same for each of its samples, so that means are weighted."""
    try:
        value = torch.as_tensor(metric(output, targets), dtype=torch.float32).mean()
    except Exception as error:
        raise Complaint(
            f"the metric raised {type(error).__name__}: {error}; it gets (outputs, targets)"
        ) from error
    return {"metric": value.reshape(1).expand(size)}
