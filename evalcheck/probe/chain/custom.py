"""What modules of the user's own, which ask for the mode, do to the mean of train mode."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from evalcheck.complaint import Complaint
from evalcheck.finding import Table, Unanswerable
from evalcheck.measurement import Score
from evalcheck.probe.attribution import local_gains
from evalcheck.probe.attribution.local_gains import Gain, multiplied
from evalcheck.probe.chain.steps import Step
from evalcheck.probe.judging import distance
from evalcheck.probe.judging.gaining import Gained, gained
from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import OutOfMemory, Pool
from evalcheck.probe.running import mode_readers, modes, outputs
from evalcheck.probe.running.budget import OutOfTime
from evalcheck.probe.running.runner import Run

# Distance of train mode's mean from that of the reference, in output variance, below which nothing is
# looked for: healthy modules of this kind shift the mean by 0.001.
NOTHING = 0.01
# From here on modules that cannot be asked one by one are suspected too: noise bends a transformer's mean
# by 0.044 at a dropout rate of 0.2.
LARGE = 0.1
SAMPLES, FEW, WATCHED = 128, 64, 32
# Modules that are woken alone, two passes each, on an eighth of the pool: two forwards of it in all.
TRIED, PART, LEAST = 8, 8, 16
# Of the largest shift that one module makes alone: smaller ones are not to blame.
SMALLER = 0.2
# Rows of a table for people.
LISTED = 8


@dataclass
class Custom:
    """Modules that read ``self.training`` and are none of torch's."""

    passes: Passes

    @cached_property
    def readers(self) -> dict[str, nn.Module]:
        """The modules by path that ask for the mode as they run, norms aside; see :mod:`mode_readers`."""
        batch = next(iter(self.passes.held.first(WATCHED).grouped()))
        with self.passes.answerable(modes.training):
            return mode_readers.readers(self.passes.model, self.passes.run, batch)

    @cached_property
    def beyond(self) -> float:
        """Squared distance of train mode's mean from that of the reference, in output variance.

        What norms do not account for. Both means come from few passes: the noise that these leave,
        noise / R each, is taken off. It costs no run of its own.
        """
        if self._sides is None:
            return 0.0
        means = [torch.stack(side).double().mean(0) for side in self._sides]
        apart = distance.squared(*means) - sum(_noise(side) / len(side) for side in self._sides)
        return max(0.0, apart / (distance.variance(means[0]) or 1.0))

    @cached_property
    def unexplained(self) -> float:
        """What of :attr:`beyond` dropout is no reason for.

        Noise bends the mean of a curved function, and no fault is in that: where something draws and no
        module moves the mean of its own output, all of it counts as such.
        """
        return 0.0 if self.step is None and self.noise > NOTHING else self.beyond

    @cached_property
    def noise(self) -> float:
        """Variance of one pass in train mode that batches' statistics do not make, in output variance."""
        if self._sides is None:
            return 0.0
        unit = distance.variance(torch.stack(self._sides[0]).mean(0)) or 1.0
        return max(0.0, (_noise(self._sides[1]) - _noise(self._sides[0])) / unit)

    @cached_property
    def _sides(self) -> tuple[list[Tensor], list[Tensor]] | None:
        """Rows of the reference's passes and of train mode's; None where nothing lies between them."""
        if self.passes.silent:
            return None
        first, *rest = self.passes.reference
        found = outputs.aligned(first.leaves, [run.leaves for run in (*rest, *self.passes.trained)])
        if found is None:
            return None
        count = len(rest)
        return [found[0], *found[1][:count]], found[1][count:]

    @cached_property
    def step(self) -> Step | None:
        """From eval mode to the same with these modules' own flags in train mode.

        Two seeded passes, four where those are not small. None where train mode's mean is that of norms
        alone, and where no single module moves the mean of its own output: what noise does to the mean
        of a curved function is no fault. None too where the model refuses train mode.
        """
        try:
            return self._found()
        except OutOfTime:
            raise
        except Unanswerable:
            return None

    def _found(self) -> Step | None:
        if self.beyond <= NOTHING or not self.readers or not self.suspects:
            return None
        step = self._to(self._woken)
        known = any(self.gains[path] is not None for path in self.suspects)
        return step if known or (step is not None and _size(step) > LARGE) else None

    def size(self, unit: float) -> float:
        """The step's mean squared distance in ``unit``; 0 where there is none."""
        return self.step.size(unit) if self.step is not None else 0.0

    @cached_property
    def _woken(self) -> list[Run]:
        pool, paths = self.passes.held.first(SAMPLES), list(self.readers)
        runs = self._alone(pool, paths, (0, 1))
        step = self._to(runs)
        if step is not None and _size(step) > NOTHING:
            runs += self._alone(pool, paths, (2, 3))
        return runs

    def _to(self, runs: list[Run], start: Run | None = None) -> Step | None:
        """From eval mode, or another run over the same samples, to these passes over the first of them."""
        before = (start or self.passes.evaluated).first(len(runs[0].rows))
        found = outputs.aligned(before.leaves, [run.leaves for run in runs])
        if found is None:
            return None
        sides = [Run({"": rows}, run.scores) for rows, run in zip(found[1], runs, strict=True)]
        return Step("custom", Run({"": found[0]}, before.scores), tuple(sides))

    def interval(self, unit: float) -> tuple[float, float] | None:
        """95 % interval of the step's size from sample to sample, which are independent in eval mode."""
        if self.step is None or not unit > 0:
            return None
        squares = self.step.squares / unit
        half = 1.96 * float(squares.std()) / len(squares) ** 0.5
        return float(squares.mean()) - half, float(squares.mean()) + half

    @cached_property
    def gains(self) -> dict[str, Gain | None]:
        """What each module does to the mean of its own output; None for those that cannot run twice."""
        batches = list(self.passes.held.first(FEW).grouped())
        return local_gains.measured(self.passes, self.readers, batches)

    @cached_property
    def suspects(self) -> tuple[str, ...]:
        """Modules whose own mean output moves, the farthest first, then those that could not be asked."""
        moved = {path: gain for path, gain in self.gains.items() if gain is not None and gain.shifts}
        unknown = [path for path, gain in self.gains.items() if gain is None]
        return (*sorted(moved, key=lambda path: -moved[path].bias), *unknown)

    @property
    def likely(self) -> tuple[str, ...]:
        """Modules that shift their own output, for a shift that a norm behind them hides."""
        return self.suspects[:TRIED]

    @cached_property
    def culprits(self) -> tuple[str, ...]:
        """The modules that shift the mean, the largest shift first.

        Each of up to eight is woken alone, since a shift may die in the next norm. Further modules of the
        class of one that was convicted, with such a gain of their own, are named after it.
        """
        if self.step is None or _size(self.step) <= NOTHING:
            return ()
        tried, rest = self.suspects[:TRIED], self.suspects[TRIED:]
        if len(self.suspects) == 1:
            return tried
        pool = self.passes.held.first(max(LEAST, min(FEW, self.passes.held.samples // PART)))
        sizes: dict[str, float] = {}
        for path in tried:
            step = self._to(self._alone(pool, [path], (0, 1)))
            sizes[path] = step.size(1.0) if step is not None else 0.0
        least = SMALLER * max(sizes.values(), default=0.0)
        blamed = sorted((path for path in tried if sizes[path] > least), key=lambda path: -sizes[path])
        kinds = {type(self.readers[path]) for path in blamed}
        return (*blamed, *(path for path in rest if type(self.readers[path]) in kinds))

    @cached_property
    def rescaled(self) -> Run | None:
        """All held samples in eval mode with the output of each culprit multiplied by its gain.

        What eval mode would be if train mode's factor were made good; None where no culprit has one.
        """
        gains = {path: gain.gain for path in self.culprits if (gain := self.gains[path]) and gain.scales}
        if not gains:
            return None
        try:
            with multiplied(self.passes.model, self.readers, gains):
                return self.passes.rows(self.passes.held, modes.evaluating)
        except OutOfMemory:
            raise
        except Complaint:
            return None

    @cached_property
    def left(self) -> Step | None:
        """What that leaves of the shift: from :attr:`rescaled` to the passes that :attr:`step` leads to."""
        if self.step is None or self.rescaled is None:
            return None
        return self._to(self._woken, self.rescaled)

    def is_made_good(self, most: float, unit: float) -> bool:
        """Whether :attr:`rescaled` is where train mode's mean is: of the step less than ``most`` is left."""
        return self.left is not None and self.left.size(unit) < most * self.size(unit)

    def gained(self, score: Score) -> Gained | None:
        """What eval mode gains over :attr:`step`; samples are independent there, with norms in eval mode."""
        return None if self.step is None else gained(self.step.before, self.step.after, score)

    def lost(self, score: Score) -> float:
        """By how much eval mode falls behind for it; 0 where chance may explain it, or no score says."""
        gain = self.gained(score)
        return gain.beyond_chance() if gain is not None else 0.0

    def gained_rescaled(self, score: Score) -> Gained | None:
        """What eval mode gains by the culprits' factors, on all held samples."""
        return None if self.rescaled is None else gained(self.passes.evaluated, [self.rescaled], score)

    def listed(self) -> Table:
        """For people: what each culprit does to its own output, with twice the error of its gain."""
        rows = []
        for path in self.culprits[:LISTED]:
            gain = self.gains[path]
            figures = (f"{gain.gain:.2f} ± {2 * gain.error:.2f}", f"{gain.bias:.2g}") if gain else ("", "")
            rows.append((path, type(self.readers[path]).__name__, *figures))
        headers = ("module", "class", "train over eval output", "squared shift of its mean")
        return Table("Each module on its own input", headers, tuple(rows))

    def _alone(self, pool: Pool, paths: list[str], seeds: tuple[int, ...]) -> list[Run]:
        """Passes in eval mode with the own flags of these modules in train mode."""
        mode = modes.waking([self.readers[path] for path in paths])
        with self.passes.answerable(mode):
            return [self.passes.run(pool, mode, seed=100 + seed) for seed in seeds]


def _size(step: Step) -> float:
    return step.size(distance.variance(step.before.rows))


def _noise(side: list[Tensor]) -> float:
    """The variance of one pass, in squared output units; a single pass has none to show."""
    return float(distance.spread(side, side[0]).noise.mean()) if len(side) > 1 else 0.0
