"""The probe's subject: one model on held batches, asked lazily, measured once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property

from torch import nn

from evalcheck.finding import Unanswerable
from evalcheck.graph.writes import Written
from evalcheck.guard import untouched
from evalcheck.measurement import Cause, Divergence, LayerReading, Score, StochasticReading
from evalcheck.probe.attribution import shares, stochastic_shares, toggling
from evalcheck.probe.chain import noise
from evalcheck.probe.chain.steps import HIGHER_IS_BETTER, Step
from evalcheck.probe.chain.way import Way, ranked
from evalcheck.probe.dependence.leak import Leak
from evalcheck.probe.dependence.samples import Dependence
from evalcheck.probe.judging import distance, naming, scores
from evalcheck.probe.judging.scoring import Metric
from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import Pool
from evalcheck.probe.running import modes
from evalcheck.probe.running.budget import Budget, affordable
from evalcheck.probe.running.runner import Run, Runner
from evalcheck.probe.scaling.scaling import Scaling
from evalcheck.probe.state.state import State
from evalcheck.probe.statistics import readings
from evalcheck.probe.statistics.moments import CallMoments
from evalcheck.probe.statistics.population import Population

# Difference of two eval passes that kernels make by summing in another order; and variance of one pass, in
# that of the output, with which the distance from train mode is not that of the modes.
REPEATED, UNSTEADY = 1e-5, 0.02
HIDDEN = "batch norms inside scripted modules cannot be looked at"
# A variance over samples needs some.
LEAST = 4
# Modules that are named where each has a small share.
SHOWN = 3


class Trial:
    """A model on two pools: ``held`` samples judge, ``feed`` samples give population statistics.

    Everything is measured under :func:`evalcheck.guard.untouched`, at most once, and only when
    asked. ``synthetic`` says that the inputs were made up; ``fresh`` that nothing was trained or
    loaded, as far as can be told; ``exact`` that modules are toggled one by one besides. What is
    measured stands in rooms: ``passes`` (the runs), ``population`` (statistics), ``way`` (causes),
    ``dependence``.
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
        budget: Budget | None = None,
        exact: bool = False,
        stage: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.model, self.synthetic, self.fresh = model, synthetic, fresh
        self.foreign, self.exact = feed is not None, exact
        self.fed_by = "the training data" if self.foreign else "the data"
        if feed is not None:
            # A norm's batch is part of what train mode computes: it is the training loader's.
            held = replace(held, batch_size=feed.batch_size)
        elif not synthetic and held.samples > 1:
            feed, held = held.split()
        self.held, self.feed = held, feed if feed is not None else held
        self.stage, self.run = stage, Runner(model, seed, metric, budget or Budget())
        direction = getattr(metric, "higher_is_better", None)
        self.higher = {**HIGHER_IS_BETTER, "metric": None if direction is None else bool(direction)}
        with untouched(model, parameters=False):
            self.norms = modes.batch_norms(model)
            instance = modes.instance_norms(model)
        self.passes = Passes(model, self.run, held, self.norms, max(2, passes), stage, instance)
        self.population = Population(self.passes, self.feed, self.foreign, stage)
        self.way = Way(self.passes, self.population)

    # What may be asked at all

    def require_training(self) -> None:
        """Raise :class:`Unanswerable` unless the inputs are real and the weights are not fresh."""
        self.require_data()
        if self.fresh:
            raise Unanswerable(
                "the model is freshly initialised: nothing was trained or loaded (--checkpoint FILE does)"
            )

    def require_data(self) -> None:
        """Raise :class:`Unanswerable` unless the inputs are real."""
        if self.synthetic:
            raise Unanswerable("the input was made up: pass a loader to ask this")

    @property
    def has_norms(self) -> bool:
        """Whether there are batch norms. Raises :class:`Unanswerable` where some cannot be looked at."""
        if self.unseen:
            raise Unanswerable(self.unseen)
        return bool(self.norms)

    @cached_property
    def unseen(self) -> str:
        """Why batch norms cannot be looked at; empty where they can."""
        return HIDDEN if modes.hides_norms(self.model) else ""

    def called(self, score: str) -> str:
        """A score's name for people: that of the user's metric is what its code calls it."""
        return naming.of_metric(self.run.metric) if score == "metric" else score

    # What is told of it

    @property
    def evaluated(self) -> Run:
        """The held samples in eval mode."""
        return self.passes.evaluated

    @property
    def reference(self) -> list[Run]:
        """Train mode without its noise."""
        return self.passes.reference

    @property
    def moments(self) -> dict[str, CallMoments]:
        """Statistics of what each norm is given on the feed, dropout off."""
        return self.population.moments

    @property
    def unit(self) -> float:
        """The output's total variance over samples: what sizes are measured in."""
        return self.way.unit

    @cached_property
    def divergence(self) -> Divergence:
        """Train mode's mean against eval mode; see :func:`evalcheck.probe.judging.distance.spread`.

        The limit is what finite passes leave: noise of batch statistics shrinks with the pool (b/N
        of it stays, for batches of b of N samples), dropout's with passes and samples.
        """
        if self.held.samples < LEAST:
            raise Unanswerable(f"it takes {LEAST} samples or more")
        if self._scatter(0.0).size > UNSTEADY:
            raise Unanswerable("eval mode differs from itself on one and the same batch: mend that first")
        here, there = self.passes.paired
        spread = distance.spread(there, here)
        unit = distance.variance(here, spread.mean) or 1.0
        count, passes = self.held.samples, self.passes.count
        noise = float(spread.noise.mean()) / unit
        limit = 2 * noise * (2 / (passes * (passes - 1) * count)) ** 0.5
        if len(self.reference) > 1:
            batch = distance.spread([r.rows for r in self.reference], self.evaluated.rows).noise
            limit += float(batch.mean()) / (self.way.unit or 1.0) * self.held.batch_size / count
        return Divergence(
            total=float(spread.bias.mean()) / unit,
            noise=noise,
            limit=limit,
            interval=distance.interval(spread.bias, self.passes.groups, unit),
            passes=passes,
            samples=count,
            loader=self.held.name,
            fixable=affordable(lambda: self.way.fixable, None),
            intrinsic=affordable(lambda: self.way.intrinsic, None),
            flips=self.passes.flips,
            outputs=self.passes.leafwise if len(self.evaluated.leaves) > 1 else (),
        )

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """Every score in eval mode, in the reference and in train mode; empty without targets that fit."""
        runs = self.evaluated, self.reference, self.passes.trained
        # That run is made anyway, where there are norms.
        learned = (lambda: self.population.shuffled) if self.foreign and self.norms else None
        return scores.scores(*runs, self.held, self.higher, learned)

    @cached_property
    def judge(self) -> Score | None:
        """The score that harm is judged by."""
        return scores.judge(self.scores)

    @cached_property
    def unexplained(self) -> float:
        """The distance of train mode's mean that neither norms nor the noise of dropout account for."""
        return self.way.custom.unexplained

    @property
    def steps(self) -> list[Step]:
        """The way from eval mode to the reference; see :mod:`evalcheck.probe.chain.steps`."""
        return self.way.steps

    def step(self, name: str) -> Step | None:
        """The step of that name, where it was taken."""
        return self.way.step(name)

    def causes(self, thresholds: Mapping[str, float]) -> tuple[Cause, ...]:
        """The steps with their sizes against thresholds, the main one first.

        Under noise of eval mode itself that is large nothing else can be measured.
        """
        own = self._scatter(thresholds.get("noise", 0.0))
        try:
            _ = self.divergence
        except Unanswerable:
            return (own,) if own.material else ()
        return ranked(map(self._by_share, (*self.way.causes(thresholds, self.scores), own)))

    def _by_share(self, cause: Cause) -> Cause:
        """Stale statistics named by share, where the norms that are far off make less than half of it."""
        if cause.name != "stale" or not cause.material or not self.population.mended.stale:
            return cause
        parts, _ = affordable(lambda: self.shares, ({}, 0.0))
        whole = sum(max(0.0, part) for part in parts.values())
        if 2 * sum(max(0.0, parts.get(path, 0.0)) for path in cause.modules) >= whole:
            return cause
        return replace(cause, modules=tuple(sorted(parts, key=lambda path: -parts[path])[:SHOWN]))

    def _scatter(self, threshold: float) -> Cause:
        return replace(self._noise, threshold=threshold)

    @cached_property
    def _noise(self) -> Cause:
        return noise.of_eval(self.passes, self.dependence, REPEATED, 0.0)

    @cached_property
    def layers(self) -> tuple[LayerReading, ...]:
        """Every batch norm's reading, the largest share first, then the wrongest statistics."""
        parts, _ = affordable(lambda: self.shares, ({}, 0.0))
        found = readings.of_norms(self.population, parts)
        if not self.exact:
            return found
        alone: dict[str, float] = affordable(lambda: toggling.of_norms(self.passes, self.population), {})
        return tuple(replace(reading, exact=alone.get(reading.module)) for reading in found)

    @cached_property
    def stochastic(self) -> tuple[StochasticReading, ...]:
        """Every module that draws in train mode, with its share of the noise; empty where that is small."""
        return stochastic_shares.of_modules(self.passes, self.way.custom, self.exact)

    @cached_property
    def shares(self) -> tuple[dict[str, float], float]:
        """Each norm's part of what statistics do to the output, and how much of it they explain."""
        self.stage("attribution")
        return shares.of_norms(self.passes, self.population)

    @cached_property
    def dependence(self) -> Dependence:
        """What an eval output depends on besides its own sample."""
        return Dependence(self.run, self.held)

    @cached_property
    def state(self) -> State:
        """What one forward leaves behind in the model."""
        return State(self.passes)

    @cached_property
    def leak(self) -> Leak:
        """What a train-mode output tells of its batch-mates."""
        return Leak(self.passes, self.feed, self.way.custom)

    @cached_property
    def scaling(self) -> Scaling:
        """What batch sizes and learning rate have to do with it."""
        return Scaling(self.passes, self.feed)

    @property
    def writes(self) -> list[Written]:
        """Settings of norms that one forward changes for good, in train and in eval mode."""
        return self.passes.writes
