"""How far the loader's own batches are apart: where they are sorted, a part of them is no sample of all.

The mean over batches that were picked whole scatters as these do, whatever is inside of them (cluster
sampling: Kish, Survey Sampling, 1965, chapter 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evalcheck.recalibration.collection import LEAST, Collection
from evalcheck.recalibration.feeding import Group, joined

# Samples that are run again for it, and groups of the loader's batches that they are run in.
SAMPLES, GROUPS = 2_000, 64


@dataclass(frozen=True)
class Clusters:
    """The norms' inputs in eval mode by the loader's batches, of whose samples this ``share`` was run."""

    found: Collection
    share: float

    def excess(self, path: str, within: float) -> float:
        """By how much whole batches scatter more than shuffled samples do: see :meth:`Collection.scatter`."""
        return max(0.0, self.found.scatter(path) - within) / self.share


def measured(kept: Sequence[Group], sizes: Sequence[int], found: Collection, seed: int) -> Clusters | None:
    """Run some of these samples by the loader's batches, ``sizes`` large, in the mode that the model is in.

    None where they cannot be told apart, or came in too few batches.
    """
    whole = joined(kept)
    if whole is None:
        return None
    batch, origin = whole
    draw = torch.Generator().manual_seed(seed)
    present = torch.unique(origin)
    taken = present[torch.randperm(len(present), generator=draw)][:SAMPLES]
    if len(taken) < LEAST:
        return None
    # Groups of batches that were drawn at random scatter as single ones do.
    groups = torch.full((len(sizes),), -1)
    groups[taken] = torch.arange(len(taken)) % GROUPS
    rows = _some(origin, SAMPLES // len(taken), draw)
    index = [rows[groups[origin[rows]] == group] for group in range(min(GROUPS, len(taken)))]
    found.run(batch.rows(one) for one in index)
    return Clusters(found, found.samples / sum(sizes[one] for one in taken.tolist()))


def _some(origin: Tensor, most: int, draw: torch.Generator) -> Tensor:
    """Rows at random, at most so many of each loaded batch: many batches tell more than large ones."""
    rows = torch.randperm(len(origin), generator=draw)
    rows = rows[origin[rows].argsort(stable=True)]
    _, counts = torch.unique_consecutive(origin[rows], return_counts=True)
    place = torch.arange(len(rows)) - (counts.cumsum(0) - counts).repeat_interleave(counts)
    return rows[place < most]
