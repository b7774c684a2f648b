"""Outputs that choose among classes: what they choose, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from evalcheck.measurement import Flips
from evalcheck.probe.running import outputs

# Numbers of a dense prediction that are kept for a sample.
KEPT = 4096
Z = 1.96  # 95 % of the normal distribution


def predictions(output: Any, targets: Any, size: int) -> Tensor | None:
    """Class scores as (size, positions, classes) float32, or None where the output is none of classes.

    It is one where integer targets fit it, (N,) to (N, C) or (N, ...) to (N, C, ...), or where its leaf is
    called ``logits``. Of many positions a fixed random choice is kept.
    """
    found = outputs.primary(output, size)
    if found is None or not 2 <= found.ndim <= 5 or found.shape[1] < 2:
        return None
    chosen = isinstance(targets, Tensor) and not targets.is_floating_point() and targets.shape[:1] == (size,)
    if found.ndim == 3 and (not chosen or targets.shape == found.shape[:2]):
        found = found.transpose(1, 2)  # tokens before classes
    fits = chosen and targets.shape == found.shape[:1] + found.shape[2:]
    if not (fits or (not chosen and outputs.is_logits(output, size))):
        return None
    flat = found.detach().flatten(2) if found.ndim > 2 else found.detach().unsqueeze(2)
    most = max(1, KEPT // flat.shape[1])
    if flat.shape[2] > most:
        choice = torch.randperm(flat.shape[2], generator=torch.Generator().manual_seed(0))[:most]
        flat = flat[:, :, choice.to(flat.device)]
    return flat.transpose(1, 2).float()


@dataclass(frozen=True)
class Choices:
    """Two sets of class scores for the same samples, each (N, P, C)."""

    here: Tensor
    there: Tensor

    def flips(self) -> Flips:
        """The share of positions whose most probable class differs, with Wilson's 95 % interval.

        The interval is over samples: positions of one sample are no independent draws.
        """
        differ = (self.here.argmax(2) != self.there.argmax(2)).float()
        share, n = float(differ.mean()), len(differ)
        centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * (share * (1 - share) / n + Z * Z / (4 * n * n)) ** 0.5
        return Flips(share, (max(0.0, centre - half), min(1.0, centre + half)), self._divergence())

    def _divergence(self) -> float:
        """Mean of the two Kullback-Leibler divergences of the softmaxes, in nats."""
        one, two = self.here.double().log_softmax(2), self.there.double().log_softmax(2)
        return float(0.5 * ((one.exp() - two.exp()) * (one - two)).sum(2).mean())
