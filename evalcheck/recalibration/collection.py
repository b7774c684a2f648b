"""Runs a model over batches and keeps what each norm was given, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.batch import Batch, join
from evalcheck.complaint import Complaint
from evalcheck.probe.pool import OutOfMemory
from evalcheck.probe.running.runner import Runner
from evalcheck.probe.statistics.collecting import Collector, collecting
from evalcheck.probe.statistics.moments import TINY, CallMoments, Moments

Table = dict[str, CallMoments]
# From so few batches nothing is told of how much their means scatter.
LEAST = 4
# So many tell which of two halves may differ.
PARTS = 8


@dataclass
class Collection:
    """The norms' inputs over all batches so far: one table for each batch that was run."""

    runner: Runner
    norms: Mapping[str, _BatchNorm]
    place: torch.device
    tables: list[Table] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    limit: int | None = None

    def run(self, batches: Iterable[Batch]) -> None:
        """Each batch once, in the mode that the model is in; one that memory does not hold in halves.

        Under the guard, without gradients. Raises :class:`Complaint` for a batch that the model refuses.
        """
        with collecting(self.norms) as collector:
            for batch in batches:
                self._batch(batch, collector)

    def _batch(self, batch: Batch, collector: Collector) -> None:
        if self.limit is not None and batch.size > self.limit:
            for part in pieces(batch, -(-batch.size // self.limit)):
                self._one(part, collector)
            return
        self._one(batch, collector)

    def _one(self, batch: Batch, collector: Collector) -> None:
        try:
            collector.restart()
            collector.take()  # what was run between batches does not count
            self.runner.forward(batch.to(self.place))
        except (OutOfMemory, torch.OutOfMemoryError):
            collector.close()
            collector.take()
            if batch.size < 4 or join([batch]) is None:
                raise OutOfMemory from None
            self.limit = batch.size // 2
            self._batch(batch, collector)
            return
        self.tables.append(collector.take())
        self.sizes.append(batch.size)

    @property
    def samples(self) -> int:
        return sum(self.sizes)

    def pooled(self, first: int = 0, last: int | None = None) -> dict[str, Moments]:
        """Statistics of all calls of each norm that ran, over these batches; float64 where there is any."""
        calls = self.by_call(first, last)
        return {path: CallMoments(found, []).pooled for path, found in calls.items()}

    def by_call(self, first: int = 0, last: int | None = None) -> dict[str, list[Moments]]:
        """The same, call by call within a forward."""
        found: dict[str, list[list[Moments]]] = {}
        for table in self.tables[first:last]:
            for path, entry in table.items():
                calls = found.setdefault(path, [])
                for index, moments in enumerate(entry.calls):
                    if index == len(calls):
                        calls.append([])
                    calls[index].append(moments)
        return {path: [_merged(parts) for parts in calls] for path, calls in found.items()}

    def chance(self, path: str) -> float:
        """KL divergence of the statistics from those of all data that is to be expected by chance.

        1 / n for n independent Gaussian values a channel: half of it from the mean, half from the variance.
        """
        entries = self._entries(path)
        whole = _merged(entries)
        if len(entries) < LEAST:
            return 1 / max(1, min(whole.n, self.samples))
        return max(1.0, self.scatter(path)) / whole.n

    def scatter(self, path: str) -> float:
        """How far the batches' statistics are apart, in units of what independent Gaussian values give.

        Of the means and of the mean squared deviations: samples may be as loud as they like around one mean.
        1 where too few batches were run to tell.
        """
        entries = self._entries(path)
        whole = _merged(entries)
        alive = whole.var > TINY * whole.var.mean()
        if len(entries) < LEAST or not bool(alive.any()):
            return 1.0
        shifts = torch.stack([(e.mean - whole.mean)[alive] for e in entries]).square() / whole.var[alive]
        widths = torch.stack([e.var[alive] for e in entries]) / whole.var[alive] + shifts
        n = torch.tensor([float(e.n) for e in entries]).to(widths).unsqueeze(1)
        apart = 0.5 * shifts + 0.25 * (widths - 1).square()
        return float((n * apart).sum(0).mean()) / (len(entries) - 1)

    def _entries(self, path: str) -> list[Moments]:
        return [table[path].pooled for table in self.tables if path in table]


def _merged(parts: Sequence[Moments]) -> Moments:
    if len(parts) == 1:
        return parts[0]
    return Moments.merged([p.n for p in parts], [p.mean for p in parts], [p.var for p in parts])


def pieces(batch: Batch, count: int) -> Iterator[Batch]:
    """The batch in so many parts of two samples or more, as far as it can be cut."""
    count = min(count, batch.size // 2)
    if count < 2 or join([batch]) is None:
        yield batch
        return
    for index in torch.arange(batch.size).tensor_split(count):
        yield batch.rows(index)


def demand_finite(table: Mapping[str, Moments]) -> None:
    """Raise :class:`Complaint` for the first norm that was given NaN or infinity."""
    for path, moments in table.items():
        if not bool((moments.mean.isfinite() & moments.m2.isfinite()).all()):
            raise Complaint(f"{path} is the first batch norm that is given NaN or infinity: mend that first")
