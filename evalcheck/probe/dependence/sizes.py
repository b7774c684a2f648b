"""The same samples in batches of other sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.probe.dependence.axes import demand_separate
from evalcheck.probe.dependence.bench import Bench
from evalcheck.probe.dependence.difference import Difference, between
from evalcheck.probe.dependence.fingerprints import culprit, rows
from evalcheck.probe.pool import OutOfMemory
from evalcheck.probe.running import outputs
from evalcheck.probe.running.budget import OutOfTime
from evalcheck.probe.running.outputs import Leaves

SIZES = (1, 2, 3, 8)


@dataclass
class Sizes:
    """The bench's batch, cut in parts; a cut into mixed sizes first, since most models agree."""

    bench: Bench

    def differences(self, tolerance: float) -> list[Difference]:
        """One for the mixed cut, or where that differs one for each size."""
        bench = self.bench
        demand_separate(next(iter(bench.pool.grouped())), bench.batch.size)
        mixed, real = bench.judged(self._mixed_gap, tolerance)
        if not real:
            return [Difference(mixed)]
        limit, found = bench.limit(tolerance), []
        with bench.guarded(apart=True):
            expected = bench.reference()
            for size in (size for size in SIZES if size < bench.batch.size):
                cut = _mixed(bench.batch.size, [size] * (bench.batch.size // size))
                gap = between(expected, self._joined(cut) or {})
                if gap is not None:
                    module = self._parting(cut[0], limit) if gap > limit else None
                    found.append(Difference(gap, module, size, gap > limit))
        return found or [Difference(mixed, real=True)]

    @cached_property
    def widths(self) -> list[str] | None:
        """The leaves that do not change their width with the batch; None where other sizes are refused.

        A similarity of every sample with every other has a column for each: it says nothing of one sample.
        """
        with self.bench.guarded():
            parts, whole = self._mixed, self.bench.reference()
        return [p for p in whole if p in parts and parts[p].shape == whole[p].shape] if parts else None

    @cached_property
    def _mixed(self) -> Leaves | None:
        return self._in_mixed_sizes()

    def _mixed_gap(self) -> float | None:
        parts = self._in_mixed_sizes() if self.bench.fresh else self._mixed
        return between(self.bench.reference(), parts) if parts else None

    def _in_mixed_sizes(self) -> Leaves | None:
        """Without a batch of one, too: a norm that uses the batch's statistics refuses that."""
        for sizes in (SIZES, SIZES[1:]):
            if (found := self._joined(_mixed(self.bench.batch.size, sizes))) is not None:
                return found
        return None

    def _joined(self, cut: Sequence[Tensor]) -> Leaves | None:
        """The parts' outputs; None where they cannot be had: refusing is not depending."""
        try:
            return outputs.joined([self.bench.leaves(self.bench.batch.rows(part)) for part in cut])
        except (OutOfMemory, OutOfTime):
            raise
        except (Complaint, Unanswerable):
            return None

    def _parting(self, part: Tensor, limit: float) -> str | None:
        batch, first = self.bench.batch, torch.zeros(1, dtype=torch.int64)
        whole = self.bench.printed(batch, rows(batch.size, first))
        return culprit(whole, self.bench.printed(batch.rows(part), rows(len(part), first)), limit)


def _mixed(count: int, sizes: Sequence[int]) -> Sequence[Tensor]:
    """The rows of a batch in batches of these sizes and the rest, none smaller than the first."""
    chosen: list[int] = []
    for size in sizes:
        if sum(chosen) + size < count:
            chosen.append(size)
    rest = count - sum(chosen)
    if chosen and rest < sizes[0]:
        chosen[-1] += rest
    else:
        chosen.append(rest)
    return torch.split(torch.arange(count), chosen)
