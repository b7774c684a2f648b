"""Walks from eval mode to train mode, and says which steps are causes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from evalcheck.measurement import Cause, Score
from evalcheck.probe.chain.culprits import Culprits
from evalcheck.probe.chain.custom import Custom
from evalcheck.probe.chain.order import as_loaded
from evalcheck.probe.chain.steps import INSTANCE, TITLES, Step, mean_of
from evalcheck.probe.judging import distance
from evalcheck.probe.judging.gaining import gained
from evalcheck.probe.passes import Passes
from evalcheck.probe.running import modes, outputs
from evalcheck.probe.statistics.population import Population


@dataclass
class Way:
    """The steps of one model; each is measured once, when it is first asked for."""

    passes: Passes
    population: Population

    @cached_property
    def unit(self) -> float:
        """The output's total variance over samples: what the steps are measured in."""
        return distance.variance(self.passes.evaluated.rows, mean_of(self.passes.reference))

    @cached_property
    def length(self) -> float:
        """Eval mode against train mode without its noise, in units: what norms account for."""
        ends = self.passes.evaluated.rows, mean_of(self.passes.reference)
        return distance.squared(*ends) / (self.unit or 1.0)

    @cached_property
    def fixable(self) -> float | None:
        """From eval mode to eval mode on the statistics that each call's data has: what statistics mend.

        None where batch norms are inside scripted modules, which take no others.
        """
        if modes.hides_norms(self.passes.model):
            return None
        if not self.passes.norms or not self.population.moments:
            return 0.0
        ends = self.passes.evaluated.rows, self.population.per_call.rows
        return distance.squared(*ends) / (self.unit or 1.0)

    @cached_property
    def intrinsic(self) -> float | None:
        """From there to train mode's mean, debiased: small batches and dropout, which no statistics mend."""
        if modes.hides_norms(self.passes.model):
            return None
        run = self.population.per_call if self.passes.norms and self.population.moments else None
        start = run.leaves if run is not None else self.passes.evaluated.leaves
        found = outputs.aligned(start, [run.leaves for run in self.passes.trained])
        if found is None:
            return 0.0
        spread = distance.spread(found[1], found[0])
        return max(0.0, float(spread.bias.mean()) / (self.unit or 1.0))

    @cached_property
    def steps(self) -> list[Step]:
        """All steps that this model has, in their order."""
        found = self._of_norms() if self.passes.norms and self.population.moments else self._of_instances()
        last = self.custom.step
        if last is None:
            return found
        # Seen before a norm and behind it: the larger of the two is told.
        same = [step for step in found if step.name == last.name and step.size(1.0) > last.size(1.0)]
        return found if same else [*(step for step in found if step.name != last.name), last]

    def _of_norms(self) -> list[Step]:
        evaluated, population = self.passes.evaluated, self.population
        # Recalibrated with dropout off: the noise of train mode does eval mode no harm any more.
        quiet = population.is_quiet
        found = [Step("stale", evaluated, (population.converged if quiet else population.converged_noisy,))]
        if population.converged is not population.converged_noisy and not quiet:
            # What train mode does before a norm is dropout only if it draws.
            name = "dropout" if self.passes.draws else "custom"
            found.append(Step(name, population.converged_noisy, (population.converged,)))
        if population.shared:
            found.append(Step("shared", population.converged, (population.per_call,)))
        end = population.per_call
        if population.elsewhere:
            end = population.on_calls(self.passes.moments)
            found.append(Step("domain", population.per_call, (end,)))
        found.append(Step("batch", end, tuple(self.passes.reference)))
        loaded = as_loaded(self.passes, population)
        return [*found, loaded] if loaded is not None else found

    def _of_instances(self) -> list[Step]:
        """Without batch norms, instance norms that track are all that the reference changes."""
        if not self.passes.instance_norms:
            return []
        return [Step("batch", self.passes.evaluated, tuple(self.passes.reference))]

    @cached_property
    def custom(self) -> Custom:
        """What modules of the user's own do to the mean of train mode."""
        return Custom(self.passes)

    @cached_property
    def culprits(self) -> Culprits:
        """Which modules each step comes from."""
        return Culprits(self.passes, self.population, self.custom)

    def step(self, name: str) -> Step | None:
        """The step of that name, where it was taken."""
        return next((step for step in self.steps if step.name == name), None)

    def causes(self, thresholds: Mapping[str, float], scores: Sequence[Score]) -> tuple[Cause, ...]:
        """The steps as causes, the one that recovers or changes most first; see :func:`ranked`."""
        shown = scores[0] if scores and scores[0].higher_is_better is not None else None
        found = [self._cause(step, thresholds.get(step.name, 0.0), shown) for step in self.steps]
        return ranked(found)

    def _recovered(self, step: Step, shown: Score) -> float | None:
        """What the step gives back of the score; 0 where chance may explain it."""
        size = self.passes.held.batch_size if len(step.after) > 1 else 1
        found = gained(step.before, step.after, shown, size)
        return None if found is None else found.gain if abs(found.gain) > 2 * found.error else 0.0

    def _title(self, name: str) -> str:
        return INSTANCE if name == "batch" and self.passes.instance_norms else TITLES[name]

    def _cause(self, step: Step, threshold: float, shown: Score | None) -> Cause:
        size = step.size(self.unit)
        return Cause(
            name=step.name,
            title=self._title(step.name),
            size=size,
            threshold=threshold,
            recovers=self._recovered(step, shown) if shown else None,
            interval=step.interval(self.passes.groups, self.unit),
            modules=self.culprits.of(step.name) if size > threshold else (),
        )


def ranked(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """What counts first, then what gives back most; what gives nothing back is ranked by what it moves.

    Statistics are held against those of shuffled batches. Where training's batches are no shuffle, the
    average of them is another, and stale statistics are what comes of the order.
    """
    found = sorted(causes, key=lambda c: (c.material, max(0.0, c.recovers or 0.0), c.size), reverse=True)
    order = next((cause for cause in found if cause.name == "order" and cause.material), None)
    if order is None:
        return tuple(found)
    after = [cause for cause in found if cause.name == "stale"]
    rest = [cause for cause in found if cause.name != "stale"]
    place = rest.index(order) + 1
    return (*rest[:place], *after, *rest[place:])
