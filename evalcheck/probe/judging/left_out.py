"""Targets that are no class of the output: labels that mean "not counted", or a mistake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from evalcheck.batch import Batch
from evalcheck.batch.layouts import dense
from evalcheck.probe.judging.scoring import IGNORED


@dataclass(frozen=True)
class LeftOut:
    """The labels that are no class, the smallest first, and the share of all targets that have them."""

    labels: tuple[int, ...]
    share: float

    @property
    def meant(self) -> bool:
        """Whether all of them are labels by which data say that a target does not count."""
        return all(label in IGNORED for label in self.labels)


def of(batches: Iterable[Batch], classes: int) -> LeftOut | None:
    """What of the integer targets is below 0 or no number of a class; None where every target is one."""
    odd: list[Tensor] = []
    count = 0
    for batch in batches:
        targets = dense(batch.targets) if isinstance(batch.targets, Tensor) else None
        if targets is None or targets.is_floating_point() or targets.is_complex():
            return None
        values = targets.long()
        odd.append(values[(values < 0) | (values >= classes)].cpu())
        count += values.numel()
    found = torch.cat(odd) if odd else torch.empty(0)
    return LeftOut(tuple(torch.unique(found).tolist()), len(found) / count) if len(found) else None
