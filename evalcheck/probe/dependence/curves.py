"""One score on the training data: in batches as they are loaded, in mixed ones, and in eval mode."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from evalcheck.measurement import Score
from evalcheck.probe.chain.steps import Step
from evalcheck.probe.judging.gaining import Gained, gained
from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import Pool
from evalcheck.probe.running import modes
from evalcheck.probe.running.runner import Run

# Standard errors from batch to batch: batches of one kind differ much, and there are few of them.
SURE = 3.0


@dataclass
class Curves:
    """The three curves of Wu and Johnson (arXiv 2105.07576, figure 8), each as its mean over the samples.

    ``order`` is the step from mixed batches of the ``feed`` to those as they are loaded. Eval mode is run
    when it is first asked for. Nothing is lost where the score does not say which is better.
    """

    passes: Passes
    feed: Pool
    order: Step
    score: Score

    @property
    def loaded(self) -> float:
        return self.order.after[0].mean(self.score.name)

    @property
    def mixed(self) -> float:
        return self.order.before.mean(self.score.name)

    @property
    def alone(self) -> float:
        """In eval mode, where no sample knows its batch."""
        return self._evaluated.mean(self.score.name)

    @cached_property
    def lost_when_mixed(self) -> float:
        """What the score loses from batches as loaded to mixed ones; 0 where chance may explain it."""
        lost = self._lost(self.order.before)
        return lost.beyond_chance(SURE) if lost is not None else 0.0

    @cached_property
    def lost_in_eval(self) -> float:
        """What it loses from there to eval mode."""
        lost = self._lost(self._evaluated)
        return lost.gain if lost is not None else 0.0

    def _lost(self, run: Run) -> Gained | None:
        # Errors from batch to batch: samples of one batch share its statistics.
        return gained(run, self.order.after, self.score, self.feed.batch_size)

    @cached_property
    def _evaluated(self) -> Run:
        samples = len(self.order.before.rows)
        return self.passes.rows(self.feed.first(samples), modes.evaluating)
