"""What a train-mode output depends on besides its own sample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from evalcheck.batch import Batch
from evalcheck.guard import untouched
from evalcheck.measurement import Score
from evalcheck.probe.chain.custom import Custom
from evalcheck.probe.chain.steps import Step
from evalcheck.probe.dependence.curves import Curves
from evalcheck.probe.dependence.fingerprints import culprit, fingerprints, rows
from evalcheck.probe.judging import distance
from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import Pool
from evalcheck.probe.running import modes, outputs
from evalcheck.probe.running.modes import Mode

SAMPLES, LEAST = 32, 4
# A module whose output moves by less of its size is not where two runs part.
PARTING = 0.01
# Of the movement in train mode: eval mode that moves by so much couples the samples too.
ELSEWHERE = 0.1


@dataclass(frozen=True)
class Coupling:
    """What replacing half of a batch does to the outputs of the other half, in output variance.

    ``module`` is the one in whose own forward the two runs part, None where none could be named.
    """

    size: float
    module: str | None

    @property
    def by(self) -> str:
        """The module as the end of a clause: ``mixed by module 'mixer'``."""
        return f" by module {self.module!r}" if self.module else ""


@dataclass
class Leak:
    """Homogeneous and mixed batches of the ``feed`` in train mode, and mates that norms do not explain."""

    passes: Passes
    feed: Pool
    custom: Custom

    def curves(self, order: Step, score: Score) -> Curves:
        """The score on the samples of the step over batch order, in three kinds of batches."""
        return Curves(self.passes, self.feed, order, score)

    @cached_property
    def mates(self) -> Coupling | None:
        """How far outputs depend on mates in train mode only, norms in eval mode, torch's dropout off.

        The generators start from one seed, so that a module's noise is the same in both runs. None where no
        module asks for the mode, or where eval mode couples the samples too. Costs four small batches.
        """
        whole = self.passes.held.whole
        count = min(SAMPLES, self.passes.held.batch_size, self.passes.held.samples)
        if whole is None or count < LEAST or not self.custom.readers:
            return None
        index = torch.arange(count)
        kept, other = index[::2], index.clone()
        # Every second one: groups of neighbours are to be broken up too.
        other[1::2] = (index[1::2] + count) % self.passes.held.samples
        pair = whole.rows(index), whole.rows(other)
        waking = modes.waking(list(self.custom.readers.values()))
        size = self._apart(pair, kept, waking)
        if size is None or size == 0.0:
            return Coupling(0.0, None)
        beside = self._apart(pair, kept, modes.evaluating)
        if beside is None or beside > ELSEWHERE * size:
            return None
        return Coupling(size, self._parting(pair, kept, waking))

    def _apart(self, pair: tuple[Batch, Batch], kept: Tensor, mode: Mode) -> float | None:
        """Mean squared distance of the kept samples' outputs in two runs, in output variance."""
        # Eval mode first: it sets the scales in which several leaves stand side by side.
        widths = {path: leaf.shape[1] for path, leaf in self.passes.evaluated.leaves.items()}
        one, two = (self._leaves(batch, mode) for batch in pair)
        paths = [
            p for p, width in widths.items() if all(p in o and o[p].shape[1] == width for o in (one, two))
        ]
        if not paths:
            return None
        here, there = outputs.wide(one, paths), outputs.wide(two, paths)
        unit = distance.variance(here) or 1.0
        return distance.squared(here[kept], there[kept]) / unit

    def _leaves(self, batch: Batch, mode: Mode) -> outputs.Leaves:
        with self.passes.answerable(mode), untouched(self.passes.model, parameters=False), torch.no_grad():
            mode(self.passes.model)
            torch.manual_seed(3)
            return self.passes.run.leaves(batch)

    def _parting(self, pair: tuple[Batch, Batch], kept: Tensor, mode: Mode) -> str | None:
        model, prints = self.passes.model, []
        for batch in pair:
            with untouched(model, parameters=False), torch.no_grad():
                mode(model)
                torch.manual_seed(3)
                with fingerprints(model, rows(batch.size, kept)) as record:
                    self.passes.run.forward(batch)
            prints.append(record)
        return culprit(prints[0], prints[1], PARTING)
