"""The probe's subject: one model on held batches, asked lazily, measured once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor, nn

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.graph import settings_written, writes
from evalcheck.graph.writes import Written
from evalcheck.guard import untouched
from evalcheck.measurement import Cause, Divergence, LayerReading, Score
from evalcheck.probe import chain, distance, judging, modes, outputs, readings
from evalcheck.probe.attribution import contributions
from evalcheck.probe.chain import HIGHER_IS_BETTER, Step
from evalcheck.probe.dependence import Dependence
from evalcheck.probe.imposing import imposed, write
from evalcheck.probe.modes import Mode
from evalcheck.probe.moments import CallMoments, Moments, collecting, symmetric_kl
from evalcheck.probe.pool import OutOfMemory, Pool
from evalcheck.probe.runner import NoRows, NotFinite, Run, Runner
from evalcheck.probe.scoring import Metric

REFERENCE_PASSES = 2
ATTRIBUTED_SAMPLES = 256
SAME_STATISTICS = 1e-6
# Noise of eval mode itself, relative to the output, with which its distance from train mode is not that
# of the modes; kernels that sum in another order stay far below.
REPEATED, UNSTEADY = 1e-5, 1e-2
# KL divergence of a norm's inputs in evaluation from those in training; healthy splits stay below 0.02.
ELSEWHERE = 0.05


class Trial:
    """A model on two pools: ``held`` samples judge, ``feed`` samples give population statistics.

    Everything is measured under :func:`evalcheck.guard.untouched`, at most once, and only when
    asked. ``synthetic`` says that the inputs were made up; ``fresh`` that nothing was trained or
    loaded, as far as can be told.
    """

    def __init__(
        self,
        model: nn.Module,
        held: Pool,
        feed: Pool | None = None,
        *,
        synthetic: bool = False,
        fresh: bool = False,
        seed: int = 0,
        passes: int = 4,
        metric: Metric | None = None,
        stage: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.model, self.synthetic, self.fresh = model, synthetic, fresh
        self.fed_by = "the training data"
        if feed is not None:
            # A norm's batch is part of what train mode computes: it is the training loader's.
            held = replace(held, batch_size=feed.batch_size)
        elif not synthetic and held.samples > 1:
            feed, held = held.split()
            self.fed_by = "the data"
        self.held, self.feed = held, feed if feed is not None else held
        self.passes, self.stage = max(2, passes), stage
        self.run = Runner(model, seed, metric)
        direction = getattr(metric, "higher_is_better", None)
        self.higher = {**HIGHER_IS_BETTER, "metric": None if direction is None else bool(direction)}
        with untouched(model, parameters=False):
            self.norms = modes.batch_norms(model)

    # What may be asked at all

    def require_training(self) -> None:
        """Raise :class:`Unanswerable` unless the inputs are real and the weights are not fresh."""
        self.require_data()
        if self.fresh:
            raise Unanswerable("the model is freshly initialised: nothing was trained or loaded")

    def require_data(self) -> None:
        """Raise :class:`Unanswerable` unless the inputs are real."""
        if self.synthetic:
            raise Unanswerable("the input was made up: pass a loader to ask this")

    # Runs

    @cached_property
    def evaluated(self) -> Run:
        """The held samples in eval mode. Raises :class:`NotFinite` where the output is not."""
        self.stage("eval mode")
        run = self._rows(self.held, modes.evaluating)
        if not bool(run.rows.isfinite().all()):
            module = self.run.first_nonfinite(next(iter(self.held.grouped())))
            where = f"; module {module!r} is the first whose output is not finite" if module else ""
            raise NotFinite(
                f"the model's eval output holds NaN or infinity on {self.held.name}{where}: mend that first"
            )
        return run

    @cached_property
    def trained(self) -> list[Run]:
        """Train mode, noise and all, over reshuffled batches of the held samples."""
        self.stage("train mode")
        runs = [
            self._rows(self.held, modes.training, order=self._order(index), seed=index)
            for index in range(self.passes)
        ]
        if not all(bool(run.rows.isfinite().all()) for run in runs):
            raise Unanswerable("the train-mode output holds NaN or infinity")
        return runs

    @property
    def reference(self) -> list[Run]:
        """Train mode without its noise: norms on batch statistics, dropout off."""
        return self._referred[0]

    @property
    def held_moments(self) -> dict[str, CallMoments]:
        """Statistics of the held samples themselves, collected while the reference ran."""
        return self._referred[1]

    @cached_property
    def _referred(self) -> tuple[list[Run], dict[str, CallMoments]]:
        self.stage("batch statistics")
        if not self.norms:
            return [self._rows(self.held, modes.batch_statistics)], {}
        orders = [self._order(100 + index) for index in range(REFERENCE_PASSES)]
        with collecting(self.norms) as collector:
            first = self._rows(self.held, modes.batch_statistics, orders[0], before=collector.restart)
        rest = [self._rows(self.held, modes.batch_statistics, order=order) for order in orders[1:]]
        return [first, *rest], collector.table

    def _rows(
        self,
        pool: Pool,
        mode: Mode,
        order: Tensor | None = None,
        seed: int = 0,
        before: Callable[[], None] = lambda: None,
    ) -> Run:
        with self._answerable(mode):
            return self.run(pool, mode, order=order, seed=seed, before=before)

    @contextmanager
    def _answerable(self, mode: Mode) -> Iterator[None]:
        """A model that refuses train mode leaves a gap; one that refuses eval mode is the user's to hear."""
        try:
            yield
        except NoRows:
            raise Unanswerable(NoRows.REASON) from None
        except OutOfMemory:
            raise
        except Complaint as complaint:
            if mode is modes.evaluating:
                raise
            raise Unanswerable(f"in train mode {complaint}") from None

    def _order(self, index: int) -> Tensor | None:
        if self.held.whole is None:
            return None
        generator = torch.Generator().manual_seed(index)
        parts = [group[torch.randperm(len(group), generator=generator)] for group in self.groups]
        return torch.cat(parts)

    @cached_property
    def groups(self) -> list[Tensor]:
        """Four disjoint groups of at least two batches each, which passes do not mix; else one."""
        order = torch.randperm(self.held.samples, generator=torch.Generator().manual_seed(4))
        share = self.held.samples // (4 * self.held.batch_size)
        if share < 2 or self.held.whole is None:
            return [order]
        cut = share * self.held.batch_size
        return [order[:cut], order[cut : 2 * cut], order[2 * cut : 3 * cut], order[3 * cut :]]

    # Population statistics, and eval mode on them

    @cached_property
    def moments(self) -> dict[str, CallMoments]:
        """Statistics of what each norm is given on the feed, batch-statistics path, dropout off."""
        return self._collect(modes.batch_statistics)

    @cached_property
    def noisy_moments(self) -> dict[str, CallMoments]:
        """The same in train mode with dropout on: what the running statistics converge to."""
        return self._collect(modes.training)

    def _collect(self, mode: Mode) -> dict[str, CallMoments]:
        self.stage("population statistics")
        with collecting(self.norms) as collector, self._answerable(mode):
            self.run(self.feed, mode, before=collector.restart)
        return collector.table

    def on(self, statistics: Mapping[str, Moments]) -> Run:
        """Eval mode with these statistics in the norms' running buffers."""

        def mode(model: nn.Module) -> None:
            modes.evaluating(model)
            write(self.norms, statistics)

        return self._rows(self.held, mode)

    def on_calls(self, table: Mapping[str, CallMoments]) -> Run:
        """Eval mode with each call of each norm on statistics of its own."""
        with untouched(self.model, parameters=False):
            given = {path: entry.calls for path, entry in table.items()}
            with imposed(self.norms, given) as restart:
                return self.run(self.held, modes.evaluating, before=restart)

    @cached_property
    def pooled(self) -> Run:
        """Eval mode on the statistics of all inputs of each norm, dropout off: recalibrated."""
        if not self.shared:
            return self.converged
        return self.on({path: entry.pooled for path, entry in self.moments.items()})

    @cached_property
    def converged(self) -> Run:
        """Eval mode on what the moving average would tend to with dropout off."""
        return self.on({path: self._momentum(path, entry).converged for path, entry in self.moments.items()})

    @cached_property
    def converged_noisy(self) -> Run:
        """Eval mode on what the moving average tends to; the same run where dropout reaches no norm."""
        noisy = {p: entry for p, entry in self.noisy_moments.items() if p in self.moments}
        same = all(
            float(symmetric_kl(entry.pooled, self.moments[p].pooled, self.norms[p].eps).max())
            < SAME_STATISTICS
            for p, entry in noisy.items()
        )
        return self.converged if same else self.on({p: entry.converged for p, entry in noisy.items()})

    def _momentum(self, path: str, entry: CallMoments) -> CallMoments:
        """With the momentum that holds in train mode: a forward may write another one for eval."""
        noisy = self.noisy_moments.get(path, entry)
        return replace(entry, momentum=noisy.momentum)

    @cached_property
    def per_call(self) -> Run:
        """Eval mode with each call of each norm on statistics of its own."""
        return self.on_calls(self.moments) if self.shared else self.pooled

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """The norms that are called more than once per forward."""
        return tuple(path for path, entry in self.moments.items() if len(entry.calls) > 1)

    # What is told of it

    @cached_property
    def paired(self) -> tuple[Tensor, list[Tensor]]:
        """Rows in eval mode, and of each pass in train mode, over the leaves that both modes give."""
        found = outputs.aligned(self.evaluated.leaves, [run.leaves for run in self.trained])
        if found is None:
            here, there = (outputs.shapes(run.leaves) for run in (self.evaluated, self.trained[0]))
            raise Unanswerable(f"the modes give outputs that cannot be compared: eval {here}; train {there}")
        return found

    @cached_property
    def unit(self) -> float:
        """The output's total variance over samples: what the steps of the way are measured in."""
        return distance.variance(self.evaluated.rows, chain.mean_of(self.reference))

    @cached_property
    def divergence(self) -> Divergence:
        """Train mode's mean against eval mode; see :func:`evalcheck.probe.distance.spread`.

        The limit is what finite passes leave: noise of batch statistics shrinks with the pool (b/N
        of it stays, for batches of b of N samples), dropout's with passes and samples.
        """
        if self.dependence.repetition(REPEATED).size > UNSTEADY:
            raise Unanswerable("eval mode differs from itself on one and the same batch: mend that first")
        here, there = self.paired
        spread = distance.spread(there, here)
        unit = distance.variance(here, spread.mean) or 1.0
        count, passes = self.held.samples, self.passes
        noise = float(spread.noise.mean()) / unit
        limit = 2 * noise * (2 / (passes * (passes - 1) * count)) ** 0.5
        if len(self.reference) > 1:
            batch = distance.spread([r.rows for r in self.reference], self.evaluated.rows).noise
            limit += float(batch.mean()) / (self.unit or 1.0) * self.held.batch_size / count
        total = float(spread.bias.mean()) / unit
        interval = distance.interval(spread.bias, self.groups, unit)
        return Divergence(total, noise, limit, interval, passes, count, self.held.name)

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """Every score in eval mode, in the reference and in train mode; empty without targets that fit."""
        return judging.scores(self.evaluated, self.reference, self.trained, self.held, self.higher)

    @cached_property
    def judge(self) -> Score | None:
        """The score that harm is judged by."""
        return judging.judge(self.scores)

    @cached_property
    def unexplained(self) -> float:
        """The part of the divergence that no step over the norms accounts for."""
        explained = distance.squared(self.evaluated.rows, chain.mean_of(self.reference)) / (self.unit or 1.0)
        return max(0.0, self.divergence.total - explained)

    @cached_property
    def steps(self) -> list[Step]:
        """The way from eval mode to the reference; see :mod:`evalcheck.probe.chain`."""
        if not self.norms or not self.moments:
            return []
        found = [Step("stale", self.evaluated, (self.converged_noisy,))]
        if self.converged is not self.converged_noisy:
            found.append(Step("dropout", self.converged_noisy, (self.converged,)))
        if self.shared:
            found.append(Step("shared", self.converged, (self.per_call,)))
        end = self.per_call
        if self.elsewhere:
            end = self.on_calls(self.held_moments)
            found.append(Step("domain", self.per_call, (end,)))
        return [*found, Step("batch", end, tuple(self.reference))]

    @cached_property
    def elsewhere(self) -> bool:
        """Whether the evaluation data gives some norm clearly other statistics than the training data."""
        if self.fed_by != "the training data":
            return False
        return any(
            float(symmetric_kl(one, two, self.norms[path].eps).mean()) > ELSEWHERE
            for path, entry in self.moments.items()
            if path in self.held_moments
            for one, two in zip(entry.calls, self.held_moments[path].calls, strict=False)
        )

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)

    def causes(self, thresholds: Mapping[str, float]) -> tuple[Cause, ...]:
        """The steps with their sizes against thresholds, the main one first."""
        shown = self.scores[0] if self.scores else None
        if shown is None or shown.higher_is_better is None:
            return chain.causes(self.steps, self.unit, thresholds, None, False)
        return chain.causes(self.steps, self.unit, thresholds, shown.name, shown.higher_is_better)

    @cached_property
    def layers(self) -> tuple[LayerReading, ...]:
        """Every batch norm's reading, the largest share first, then the wrongest statistics."""
        parts, _ = self.shares
        noisy = {path: self.noisy_moments.get(path, entry) for path, entry in self.moments.items()}
        return readings.of_norms(self.norms, self.moments, noisy, parts)

    @cached_property
    def shares(self) -> tuple[dict[str, float], float]:
        """Contributions by statistic gates and their completeness; empty where gradients do not flow."""
        self.stage("attribution")
        rows = torch.arange(min(ATTRIBUTED_SAMPLES, self.held.samples))
        batches = self.held.batches if self.held.whole is None else list(self.held.grouped(rows))
        count = sum(batch.size for batch in batches)
        way = (self.per_call.rows - self.evaluated.rows)[:count]
        given = {path: entry.calls for path, entry in self.moments.items()}
        try:
            with untouched(self.model):
                modes.evaluating(self.model)
                leaves = list(self.evaluated.leaves)
                return contributions(self.model, self.norms, given, batches, way, leaves, self.run.forward)
        except OutOfMemory:
            raise
        except (RuntimeError, Complaint):
            return {}, 0.0

    @cached_property
    def dependence(self) -> Dependence:
        """What an eval output depends on besides its own sample."""
        return Dependence(self.run, self.held)

    @cached_property
    def writes(self) -> list[Written]:
        """Settings of norms that one forward changes for good, in train and in eval mode."""
        batch = next(iter(self.held.grouped()))
        found = []
        for mode in (modes.training, modes.evaluating):
            with untouched(self.model, parameters=False), torch.no_grad():
                mode(self.model)
                with writes.watched() as seen, self._answerable(mode):
                    self.run.forward(batch)
            found.append(seen)
        names = {id(module): path for path, module in self.model.named_modules()}
        return settings_written.lasting(writes.by_line(found[0], found[1], names), self.model)
