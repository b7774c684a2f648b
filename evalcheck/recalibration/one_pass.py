"""The pass on batch statistics, and what is run again in eval mode to check it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.batch import Batch
from evalcheck.probe.running import modes
from evalcheck.probe.running.runner import Runner
from evalcheck.probe.statistics import imposing
from evalcheck.recalibration import clusters, sizing
from evalcheck.recalibration.clusters import Clusters
from evalcheck.recalibration.collection import PARTS, Collection, demand_finite, pieces
from evalcheck.recalibration.feeding import Feed, Group

# Samples of the pass that the check runs again in eval mode, in whole batches.
CHECKED = 2_000


@dataclass(frozen=True)
class Passed:
    """The pass; the same samples as in its ``first`` batches in eval mode on its statistics; and these by
    the loader's own batches, where it was not read to its end. Where these are too few to say whether the
    loader is sorted, that is ``untold``."""

    main: Collection
    check: Collection
    first: int
    clusters: Clusters | None
    untold: bool = False


@dataclass
class Kept:
    """The first batches of the pass, and how many tables they gave: memory may have cut them."""

    groups: list[Group] = field(default_factory=list)
    tables: int = 0

    @property
    def samples(self) -> int:
        return sum(batch.size for batch, _ in self.groups)


@dataclass(frozen=True)
class OnePass:
    """Runs a model under the guard, without gradients; its norms by path."""

    model: nn.Module
    runner: Runner
    norms: Mapping[str, _BatchNorm]
    place: torch.device
    progress: Callable[[int], object]

    def run(self, feed: Feed, length: int | None) -> Passed:
        """Everything once on batch statistics, part of it again; ``length`` counts the loader's batches.

        Raises :class:`Complaint` for norms that are given NaN or infinity.
        """
        main, check, kept = self._collection(), self._collection(), Kept()
        main.run(self._fed(feed, main, kept))
        demand_finite(main.pooled())
        imposing.write(self.norms, main.pooled())
        modes.evaluating(self.model)
        check.run(piece for b, _ in kept.groups for piece in pieces(b, -(-PARTS // len(kept.groups))))
        cut = not feed.exhausted and feed.loaded != length
        found = clusters.measured(kept.groups, feed.sizes, self._collection(), feed.seed) if cut else None
        return Passed(main, check, kept.tables, found, untold=cut and feed.joined and found is None)

    def _collection(self) -> Collection:
        return Collection(self.runner, self.norms, self.place)

    def _fed(self, feed: Feed, main: Collection, kept: Kept) -> Iterator[Batch]:
        """The batches of the pass, each with the norms awake; the first of them are kept."""
        for group in feed.grouped(lambda b: sizing.size_for(self.model, self.runner, b, self.place)):
            modes.waking(self.norms.values())(self.model)
            yield group[0]
            self.progress(main.samples)
            if kept.samples < CHECKED:
                kept.groups.append(group)
                kept.tables = len(main.tables)
