"""The runs over the held samples that everything is measured on: eval mode, train mode, and between."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.graph import settings_written, writes
from evalcheck.graph.writes import Written
from evalcheck.guard import untouched
from evalcheck.measurement import Flips, OutputReading
from evalcheck.probe.judging import leafwise
from evalcheck.probe.judging.predictions import Choices
from evalcheck.probe.pool import OutOfMemory, Pool
from evalcheck.probe.running import masks, modes, outputs
from evalcheck.probe.running.budget import OutOfTime
from evalcheck.probe.running.modes import Mode
from evalcheck.probe.running.runner import WAY_OUT, NoRows, NotFinite, Run, Runner
from evalcheck.probe.statistics.collecting import collecting
from evalcheck.probe.statistics.moments import CallMoments

REFERENCE_PASSES, DRAWN = 2, 32
# What a forward writes, a few samples show.
WATCHED = 32


@dataclass
class Passes:
    """One model over one pool, in each mode once asked; every run is under the guard.

    ``norms`` are the batch norms that use batch statistics in train mode, by path; ``instance_norms``
    the paths of the instance norms that keep running statistics, which eval mode alone uses.
    """

    model: nn.Module
    run: Runner
    held: Pool
    norms: dict[str, _BatchNorm]
    count: int
    stage: Callable[[str], None]
    instance_norms: tuple[str, ...] = ()

    @cached_property
    def evaluated(self) -> Run:
        """The held samples in eval mode. Raises :class:`NotFinite` where the output is not."""
        self.stage("eval mode")
        run = self.rows(self.held, modes.evaluating)
        if not bool(run.rows.isfinite().all()) or (run.infinite and not self._is_masked(run)):
            module = self.run.first_nonfinite(next(iter(self.held.grouped())))
            where = f"; module {module!r} is the first whose output is not finite" if module else ""
            raise NotFinite(
                f"the model's eval output holds NaN or infinity on {self.held.name}{where}: mend that first"
            )
        return run

    @cached_property
    def trained(self) -> list[Run]:
        """Train mode, noise and all, over reshuffled batches of the held samples."""
        runs = self._in_train_mode
        broken = not all(bool(run.rows.isfinite().all()) for run in runs)
        if broken or any(run.infinite and masks.are_lost(run.signs, self.evaluated.signs) for run in runs):
            raise Unanswerable("the train-mode output holds NaN or infinity")
        return runs

    @cached_property
    def _in_train_mode(self) -> list[Run]:
        self.stage("train mode")
        return [
            self.rows(self.held, modes.training, order=self.order(index), seed=index)
            for index in range(self.count)
        ]

    def _is_masked(self, run: Run) -> bool:
        """Whether what is infinite in eval mode is so in train mode too, as far as that can be run."""
        try:
            return not any(masks.are_lost(run.signs, other.signs) for other in self._in_train_mode)
        except OutOfTime:
            raise
        except Unanswerable:
            return True

    @property
    def reference(self) -> list[Run]:
        """Train mode without its noise: norms on batch statistics, everything else as in eval mode."""
        return self._referred[0]

    @property
    def moments(self) -> dict[str, CallMoments]:
        """Statistics of what the norms are given on the held samples, collected while the reference ran."""
        return self._referred[1]

    @cached_property
    def _referred(self) -> tuple[list[Run], dict[str, CallMoments]]:
        self.stage("batch statistics")
        if not self.norms:
            return [self.rows(self.held, modes.batch_statistics)], {}
        orders = [self.order(index) for index in range(REFERENCE_PASSES)]
        with collecting(self.norms) as collector:
            first = self.rows(self.held, modes.batch_statistics, orders[0], before=collector.restart)
        with contextlib.suppress(Unanswerable):
            if torch.equal(first.rows, self.trained[0].rows):
                # Nothing but the norms knows the mode: train mode's passes are what is asked for.
                return self.trained, collector.table
        rest = [self.rows(self.held, modes.batch_statistics, order=order) for order in orders[1:]]
        return [first, *rest], collector.table

    @property
    def silent(self) -> bool:
        """Whether train mode is nothing but batch statistics: no noise, nothing of the user's own."""
        return self.reference is self.trained

    @cached_property
    def draws(self) -> bool:
        """Whether train mode draws random numbers: the same samples in one order, with another seed."""
        if self.silent:
            return False
        again = self.rows(self.held.first(DRAWN), modes.training, seed=len(self.trained))
        once = self.rows(self.held.first(DRAWN), modes.training, seed=0)
        return not torch.equal(once.rows, again.rows)

    def rows(
        self,
        pool: Pool,
        mode: Mode,
        order: Tensor | None = None,
        seed: int = 0,
        before: Callable[[], None] = lambda: None,
    ) -> Run:
        """One pass; :class:`Unanswerable` where the model refuses a mode that is not eval mode."""
        with self.answerable(mode):
            return self.run(pool, mode, order=order, seed=seed, before=before)

    @contextmanager
    def answerable(self, mode: Mode) -> Iterator[None]:
        """A model that refuses train mode leaves a gap; one that refuses eval mode is the user's to hear."""
        try:
            yield
        except NoRows:
            where = "" if mode is modes.evaluating else "in train mode "
            raise Unanswerable(f"{where}{NoRows.REASON}") from None
        except OutOfMemory:
            raise
        except Complaint as complaint:
            if mode is modes.evaluating:
                raise
            raise Unanswerable(f"in train mode {complaint}") from None

    def order(self, index: int) -> Tensor | None:
        """The held samples reshuffled inside their groups, (N,) int64; None where they cannot be joined."""
        if self.held.whole is None:
            return None
        generator = torch.Generator().manual_seed(index)
        parts = [group[torch.randperm(len(group), generator=generator)] for group in self.groups]
        return torch.cat(parts)

    @cached_property
    def groups(self) -> list[Tensor]:
        """Four or three disjoint groups of at least two batches, which passes do not mix; else one."""
        order = torch.randperm(self.held.samples, generator=torch.Generator().manual_seed(4))
        size = self.held.batch_size
        count = next((n for n in (4, 3) if self.held.samples // (n * size) >= 2), 1)
        if count == 1 or self.held.whole is None:
            return [order]
        cut = self.held.samples // (count * size) * size
        return [order[n * cut : (n + 1) * cut if n + 1 < count else None] for n in range(count)]

    @cached_property
    def paired(self) -> tuple[Tensor, list[Tensor]]:
        """Rows in eval mode, and of each pass in train mode, over the leaves that both modes give."""
        found = outputs.aligned(self.evaluated.leaves, [run.leaves for run in self.trained])
        if found is None:
            here, there = (outputs.shapes(run.leaves) for run in (self.evaluated, self.trained[0]))
            told = f"the modes give outputs that cannot be compared: eval {here}; train {there}"
            raise Unanswerable(f"{told}; {WAY_OUT}")
        return found

    @cached_property
    def leafwise(self) -> tuple[OutputReading, ...]:
        """Every leaf of a structured output by itself, the most distant first."""
        return leafwise.readings(self.evaluated.leaves, [run.leaves for run in self.trained])

    @cached_property
    def flips(self) -> Flips | None:
        """Classes that eval mode chooses and the mean of train mode does not; None without classes."""
        here, there = self.evaluated.classes, [run.classes for run in self.trained]
        kept = [one for one in there if one is not None]
        if here is None or len(kept) < len(there) or any(one.shape != here.shape for one in kept):
            return None
        return Choices(here, torch.stack(kept).mean(0)).flips()

    @cached_property
    def writes(self) -> list[Written]:
        """Settings of norms that one forward changes for good, in train and in eval mode."""
        batch = next(iter(self.held.first(WATCHED).grouped()))
        found = []
        for mode in (modes.training, modes.evaluating):
            with untouched(self.model, parameters=False), torch.no_grad():
                mode(self.model)
                with writes.watched() as seen, self.answerable(mode):
                    self.run.forward(batch)
            found.append(seen)
        names = {id(module): path for path, module in self.model.named_modules()}
        return settings_written.lasting(writes.by_line(found[0], found[1], names), self.model)
