"""Population statistics of the norms' inputs, and eval mode on statistics of our choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from evalcheck.finding import Unanswerable
from evalcheck.guard import untouched
from evalcheck.probe.judging import distance
from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import Pool
from evalcheck.probe.running import modes
from evalcheck.probe.running.budget import OutOfTime
from evalcheck.probe.running.modes import Mode
from evalcheck.probe.running.runner import Run
from evalcheck.probe.statistics.collecting import collecting
from evalcheck.probe.statistics.dropout_shift import Predicted, predicted
from evalcheck.probe.statistics.imposing import imposed, write
from evalcheck.probe.statistics.moments import CallMoments, Moments, symmetric_kl, widened

SAME_STATISTICS, SAME_POPULATION = 1e-6, 1e-4
# Squared distance of eval mode from statistics without noise, in that of those with it, below which the model
# was recalibrated: half of the way.
RECALIBRATED = 0.25
# KL divergence of a norm's inputs in evaluation from those in training, beyond chance, from which on a run
# tells what it does to the output. Small ones in many norms may do much.
ELSEWHERE = 0.01
# Samples that the closed form of dropout's noise takes its means over, and what it is asked for at all.
SAMPLES, NOTICED = 64, 0.01


@dataclass(frozen=True)
class Mended:
    """A run on other statistics, and these for each norm call by call; ``stale`` says that the way there is
    the step over stale statistics and nothing else."""

    run: Run
    targets: Mapping[str, Sequence[Moments]]
    stale: bool


@dataclass
class Population:
    """Statistics that the ``feed`` gives each norm; ``foreign`` says that it is the training data, of which
    the held samples are no part."""

    passes: Passes
    feed: Pool
    foreign: bool
    stage: Callable[[str], None]

    @cached_property
    def moments(self) -> dict[str, CallMoments]:
        """Statistics of what each norm is given on the feed, batch-statistics path, dropout off.

        Batches are reshuffled: a norm in front that is fed sorted batches would pass on other inputs.
        """
        return self._collected[1]

    @property
    def shuffled(self) -> Run:
        """The feed's outputs on that path."""
        return self._collected[0]

    @cached_property
    def _collected(self) -> tuple[Run, dict[str, CallMoments]]:
        return self._collect(modes.batch_statistics)

    @cached_property
    def noisy_moments(self) -> dict[str, CallMoments]:
        """The same in train mode with dropout on: what the running statistics converge to."""
        return self.moments if self.passes.silent else self._collect(modes.training)[1]

    def _collect(self, mode: Mode) -> tuple[Run, dict[str, CallMoments]]:
        if not self.passes.norms:
            return Run({}), {}
        self.stage("population statistics")
        order = None
        if self.feed.whole is not None:
            order = torch.randperm(self.feed.samples, generator=torch.Generator().manual_seed(5))
        with collecting(self.passes.norms) as collector, self.passes.answerable(mode):
            run = self.passes.run(self.feed, mode, order=order, before=collector.restart)
        return run, collector.table

    @cached_property
    def widening(self) -> dict[str, float]:
        """Variance of each norm's inputs with the noise of train mode over that without it."""
        return {
            path: widened(self.noisy_moments[path].pooled, entry.pooled, self.passes.norms[path].eps)
            for path, entry in self.moments.items()
            if path in self.noisy_moments
        }

    @cached_property
    def expected_noise(self) -> dict[str, Predicted]:
        """What dropouts add to the norms behind them in closed form, if any widens."""
        if all(abs(ratio - 1) < NOTICED for ratio in self.widening.values()):
            return {}
        passes, feed = self.passes, self.feed
        rows = torch.arange(min(SAMPLES, feed.samples))
        batch = feed.batches[0] if feed.whole is None else feed.whole.rows(rows)
        try:
            with untouched(passes.model, parameters=False), torch.no_grad():
                modes.batch_statistics(passes.model)
                with passes.answerable(modes.batch_statistics):
                    return predicted(passes.model, passes.norms, lambda: passes.run.forward(batch))
        except OutOfTime:
            raise
        except Unanswerable:
            return {}  # a layer whose weight is no plain tensor: the measured ratio stands by itself

    def on(self, statistics: Mapping[str, Moments]) -> Run:
        """Eval mode with these statistics in the norms' running buffers."""

        def mode(model: object) -> None:
            modes.evaluating(self.passes.model)
            write(self.passes.norms, statistics)

        return self.passes.rows(self.passes.held, mode)

    def on_calls(self, table: Mapping[str, CallMoments]) -> Run:
        """Eval mode with each call of each norm on statistics of its own."""
        with untouched(self.passes.model, parameters=False):
            given = {path: entry.calls for path, entry in table.items()}
            with imposed(self.passes.norms, given) as restart:
                return self.passes.run(self.passes.held, modes.evaluating, before=restart)

    @cached_property
    def pooled(self) -> Run:
        """Eval mode on the statistics of all inputs of each norm, dropout off: recalibrated."""
        if not self.shared and not self._batchwise:
            return self.converged
        return self.on({path: entry.pooled for path, entry in self.moments.items()})

    @property
    def _batchwise(self) -> bool:
        """Whether averages over batches are clearly other statistics than those of all samples."""
        return any(
            float(symmetric_kl(entry.pooled, entry.converged, self.passes.norms[path].eps).max())
            > SAME_POPULATION
            for path, entry in self.moments.items()
        )

    @cached_property
    def converged(self) -> Run:
        """Eval mode on what the moving average would tend to with dropout off."""
        return self.on({path: self._momentum(path, entry).converged for path, entry in self.moments.items()})

    @cached_property
    def converged_noisy(self) -> Run:
        """Eval mode on what the moving average tends to; the same run where dropout reaches no norm."""
        noisy = {p: entry for p, entry in self.noisy_moments.items() if p in self.moments}
        same = all(
            float(symmetric_kl(entry.pooled, self.moments[p].pooled, self.passes.norms[p].eps).max())
            < SAME_STATISTICS
            for p, entry in noisy.items()
        )
        return self.converged if same else self.on({p: entry.converged for p, entry in noisy.items()})

    @cached_property
    def is_quiet(self) -> bool:
        """Whether the running statistics were taken without train mode's noise, as recalibrating does.

        Eval mode is then next to that on statistics without the noise, which training alone never reaches.
        """
        if self.converged is self.converged_noisy:
            return False
        quiet = self.converged.rows
        here = distance.squared(self.passes.evaluated.rows, quiet)
        return here < RECALIBRATED * distance.squared(self.converged_noisy.rows, quiet)

    @cached_property
    def aimed(self) -> dict[str, Moments]:
        """What each norm's running statistics should be: what training tends to, or recalibrating gives."""
        if self.is_quiet:
            return {path: self._momentum(path, entry).converged for path, entry in self.moments.items()}
        return {path: self.noisy_moments.get(path, entry).converged for path, entry in self.moments.items()}

    def _momentum(self, path: str, entry: CallMoments) -> CallMoments:
        """With the momentum that holds in train mode: a forward may write another one for eval."""
        noisy = self.noisy_moments.get(path, entry)
        return replace(entry, momentum=noisy.momentum)

    @cached_property
    def per_call(self) -> Run:
        """Eval mode with each call of each norm on statistics of its own."""
        return self.on_calls(self.moments) if self.shared else self.converged

    @cached_property
    def mended(self) -> Mended:
        """Eval mode on right statistics, and these: what attribution divides among the norms.

        Call by call where norms are shared. Else those that training tends to; with dropout off where
        that is the larger step of the two.
        """
        if self.shared:
            return Mended(self.per_call, {path: entry.calls for path, entry in self.moments.items()}, False)
        quiet = {path: (self._momentum(path, entry).converged,) for path, entry in self.moments.items()}
        if self.converged is self.converged_noisy:
            return Mended(self.converged, quiet, True)
        if self.is_quiet:
            return Mended(self.converged, quiet, True)
        ends = self.passes.evaluated.rows, self.converged_noisy.rows, self.converged.rows
        if distance.squared(*ends[:2]) < distance.squared(*ends[1:]):
            return Mended(self.converged, quiet, False)
        return Mended(self.converged_noisy, {path: (one,) for path, one in self.aimed.items()}, True)

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """The norms that are called more than once per forward."""
        return tuple(path for path, entry in self.moments.items() if len(entry.calls) > 1)

    @cached_property
    def shifts(self) -> dict[str, float]:
        """KL divergence of each norm's inputs in evaluation from those in training, the worst call's.

        Less what finite pools leave of it by chance. Empty unless the feed is training data of its own.
        """
        if not self.foreign:
            return {}
        both = {path: self.passes.moments[path] for path in self.moments if path in self.passes.moments}
        return {path: self._shift(path, self.moments[path], there) for path, there in both.items()}

    def _shift(self, path: str, here: CallMoments, there: CallMoments) -> float:
        eps = self.passes.norms[path].eps
        worst = max(
            float(symmetric_kl(one, two, eps).mean())
            for one, two in zip(here.calls, there.calls, strict=False)
        )
        chance = here.sampling(self.feed.batch_size) + there.sampling(self.passes.held.batch_size)
        return max(0.0, worst - chance)

    @cached_property
    def elsewhere(self) -> bool:
        """Whether the evaluation data gives some norm clearly other statistics than the training data."""
        return any(shift > ELSEWHERE for shift in self.shifts.values())
