"""The same samples among other ones, and in another order, in batches of one size."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from evalcheck.batch import Batch
from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.probe.dependence.axes import demand_separate
from evalcheck.probe.dependence.bench import Bench
from evalcheck.probe.dependence.difference import Difference, between, moves
from evalcheck.probe.dependence.fastpath import responsible
from evalcheck.probe.dependence.fingerprints import culprit, rows
from evalcheck.probe.dependence.repetition import repetition
from evalcheck.probe.dependence.sizes import Sizes
from evalcheck.probe.pool import OutOfMemory
from evalcheck.probe.running.budget import OutOfTime
from evalcheck.probe.running.outputs import Leaves

FEW = 4


@dataclass(frozen=True)
class Influence:
    """What a sample's mates do to its output.

    ``replaced``: half of them are other samples; ``reordered``: the same samples stand elsewhere. Sizes
    are of the output's root mean square; ``own`` is what replacing the sample itself does, in that unit.
    ``table`` holds (sample replaced, its effect on each of the first samples over its effect on itself).
    """

    replaced: Difference
    reordered: Difference
    own: float
    table: tuple[tuple[float, ...], ...] = ()

    @property
    def real(self) -> bool:
        return self.replaced.real or self.reordered.real

    @property
    def worst(self) -> Difference:
        return max(self.replaced, self.reordered, key=lambda seen: (seen.real, seen.size))

    def share(self, seen: Difference) -> float:
        """A difference as a share of what replacing the sample itself does."""
        return seen.size / self.own if self.own > 0 else 0.0


@dataclass
class Mates:
    """One run with half of the mates replaced and all in another order; taken apart only where it differs.

    The generators start from one seed, so that a model's own noise is the same in both runs.
    """

    bench: Bench
    sizes: Sizes
    _seen: dict[tuple[tuple[int, ...], bool], Leaves | None] = field(default_factory=dict)

    def influence(self, share: float, noise: float) -> Influence:
        """``share``: of the effect of replacing the sample itself; ``noise``: of the output."""
        bench = self.bench
        demand_separate(next(iter(bench.pool.grouped())), bench.batch.size)
        steady = not repetition(bench, noise).real
        if not steady:
            with bench.guarded(apart=True):
                if (self._gap(self._identity, self._identity) or 0.0) > noise:
                    raise Unanswerable("eval differs from itself on one and the same batch, which hides this")
        with bench.guarded():
            own = self._gap(self._replaced, self._exchanged, steady)
        tolerance = max(noise, share * (own or 0.0))
        both = self._difference(self._replaced, self._kept, tolerance, steady)
        if not own or not both.real:
            return Influence(both, Difference(0.0), own or 0.0)
        replaced = self._difference(self._replaced, self._kept, tolerance, reorder=False, where=True)
        reordered = Difference(0.0)
        if steady:
            reordered = self._difference(self._identity, self._identity, tolerance, reorder=True, where=True)
        return Influence(replaced, reordered, own, self._table())

    # The batches that are compared: ``index`` says which sample stands for each, in the first order

    @cached_property
    def _identity(self) -> Tensor:
        return torch.arange(self.bench.batch.size)

    @cached_property
    def _kept(self) -> Tensor:
        """Half of the samples; never the first, which may have a part of its own."""
        count = self.bench.batch.size
        drawn = torch.randperm(count - 1, generator=torch.Generator().manual_seed(1)) + 1
        return drawn[: max(1, count // 2)].sort().values

    @cached_property
    def _exchanged(self) -> Tensor:
        return torch.tensor([i for i in range(self.bench.batch.size) if i not in set(self._kept.tolist())])

    @cached_property
    def _replaced(self) -> Tensor:
        index = self._identity.clone()
        for place, row in enumerate(self._exchanged.tolist()):
            index[row] = self._substitute(row, place)
        return index

    def _substitute(self, row: int, place: int) -> int:
        """Another sample: one that is not in the batch, if there are any."""
        count = self.bench.batch.size
        more = self.bench.source.size - count
        return count + place % more if more > 0 else int(self._kept[place % len(self._kept)])

    @cached_property
    def _order(self) -> Tensor:
        """Every sample at another place: position p holds sample ``order[p]``."""
        cycle = torch.randperm(self.bench.batch.size, generator=torch.Generator().manual_seed(2))
        order = torch.empty_like(cycle)
        order[cycle] = cycle.roll(1)
        return order

    # Runs

    def _made(self, index: Tensor, reorder: bool) -> tuple[Batch, Tensor]:
        """The batch, and at which position each sample stands."""
        order = self._order if reorder else self._identity
        return self.bench.source.rows(index[order]), torch.argsort(order)

    def _rows(self, index: Tensor, reorder: bool) -> Leaves | None:
        batch, places = self._made(index, reorder)
        try:
            found = self.bench.leaves(batch)
        except (OutOfMemory, OutOfTime):
            raise
        except (Complaint, Unanswerable):
            return None
        return self._telling({path: leaf[places.to(leaf.device)] for path, leaf in found.items()})

    def _telling(self, found: Leaves) -> Leaves:
        """The leaves that say something of one sample."""
        count, kept = self.bench.batch.size, self.sizes.widths
        return {
            path: leaf
            for path, leaf in found.items()
            if (path in kept if kept is not None else leaf.shape[1] != count)
        }

    def _once(self, index: Tensor, reorder: bool) -> Leaves | None:
        """The first run's rows serve two questions: what became of those kept, and of those replaced."""
        key = (tuple(index.tolist()), reorder)
        if key not in self._seen:
            self._seen[key] = self._rows(index, reorder)
        return self._seen[key]

    def _gap(self, index: Tensor, among: Tensor, reorder: bool = False) -> float | None:
        here = self._telling(self.bench.reference())
        there = self._rows(index, reorder) if self.bench.fresh else self._once(index, reorder)
        return None if there is None else between(_picked(here, among), _picked(there, among))

    def _difference(
        self, index: Tensor, among: Tensor, tolerance: float, reorder: bool, where: bool = False
    ) -> Difference:
        def question() -> float | None:
            return self._gap(index, among, reorder)

        size, real = self.bench.judged(question, tolerance)
        module = None
        if real and where:
            module = self._parting(index, among, reorder, self.bench.limit(tolerance))
            module = responsible(self.bench, question, tolerance) if module is None else module
        return Difference(size, module, real=real)

    def _parting(self, index: Tensor, among: Tensor, reorder: bool, limit: float) -> str | None:
        bench, count = self.bench, self.bench.batch.size
        batch, places = self._made(index, reorder)
        with bench.guarded(apart=True):
            one = bench.printed(bench.batch, rows(count, among))
            return culprit(one, bench.printed(batch, rows(count, places[among])), limit)

    def _table(self) -> tuple[tuple[float, ...], ...]:
        """Who influences whom among the first samples; empty where the model refuses so few."""
        bench, count = self.bench, min(FEW, self.bench.batch.size)
        few = torch.arange(count)
        try:
            with bench.guarded(apart=True):
                base = self._telling(bench.leaves(bench.source.rows(few)))
                found = []
                for row in range(count):
                    index = few.clone()
                    index[row] = self._substitute(row, row)
                    moved = moves(base, self._telling(bench.leaves(bench.source.rows(index))))
                    if moved is None:
                        return ()
                    found.append(tuple((moved / moved[row].clamp_min(1e-30)).tolist()))
        except (OutOfMemory, OutOfTime):
            raise
        except (Complaint, Unanswerable):
            return ()
        return tuple(found)


def _picked(found: Leaves, index: Tensor) -> Leaves:
    return {path: leaf[index.to(leaf.device)] for path, leaf in found.items()}
