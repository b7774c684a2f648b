"""How good the model is in eval mode on the old statistics and on the new ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite

from torch import nn

from evalcheck.measurement import Score
from evalcheck.probe.chain.steps import HIGHER_IS_BETTER
from evalcheck.probe.judging import own_targets, scores
from evalcheck.probe.judging.scoring import GUESSING, Metric
from evalcheck.probe.pool import OutOfMemory, Pool
from evalcheck.probe.running import modes
from evalcheck.probe.running.runner import NoRows, Run, Runner
from evalcheck.recalibration.outcome import Recalibration

# A loss of so much, of the score's scale, and beyond chance, is one.
WORSE = 0.01


@dataclass(frozen=True)
class Judgement:
    """``scores`` hold the new statistics' value as ``eval`` and the old ones' as ``reference``; ``by`` is the
    one that decides, None without any, and ``reason`` says why there is none. ``guesses`` says that neither
    is much better than guessing."""

    scores: tuple[Score, ...] = ()
    by: Score | None = None
    reason: str = ""
    guesses: bool = False

    @property
    def is_worse(self) -> bool:
        """Whether the new statistics are worse, by more than chance."""
        if self.by is None:
            return False
        if not isfinite(self.by.eval):
            return isfinite(self.by.reference)
        return self.by.hurts(WORSE)


def judge(model: nn.Module, made: Recalibration, pool: Pool, metric: Metric | None, seed: int) -> Judgement:
    """Run the pool on the new statistics, put the old ones back, run it again."""
    try:
        try:
            after = _run(model, pool, metric, seed)
        finally:
            made.restore()
        before = _run(model, pool, metric, seed)
    except NoRows:
        return Judgement(reason=NoRows.REASON)
    direction = getattr(metric, "higher_is_better", None)
    higher = {**HIGHER_IS_BETTER, "metric": None if direction is None else bool(direction)}
    return _judged(after, before, pool, higher)


def _judged(after: Run, before: Run, pool: Pool, higher: Mapping[str, bool | None]) -> Judgement:
    """Scores at chance on both statistics are shown where the targets fit, and decide nothing."""
    found = scores.scores(after, [before], [before], pool, higher)
    shown = found
    if own_targets.fit(after, pool):
        # Without the loss of guessing they are not held against it.
        one, two = _unguessed(after), _unguessed(before)
        shown = scores.scores(one, [two], [two], pool, higher)
    if not shown:
        return Judgement(reason=NO_TARGETS)
    by = scores.judge(found)
    if len(shown) > len(found):
        return Judgement(shown, by, GUESSED, guesses=True)
    return Judgement(found, by, "" if by is not None else NO_DIRECTION)


def _unguessed(run: Run) -> Run:
    return Run(run.leaves, {name: values for name, values in run.scores.items() if name != GUESSING})


NO_TARGETS = "no targets fit the model's output, so that no score says whether it got better"
GUESSED = "the model is hardly better than guessing on these samples, before and after, so nothing decides"
NO_DIRECTION = "the metric has no attribute higher_is_better (True or False)"


def _run(model: nn.Module, pool: Pool, metric: Metric | None, seed: int) -> Run:
    """Eval mode; in halves of a batch where memory does not hold it."""
    runner: Callable[..., Run] = Runner(model, seed, metric)
    try:
        return runner(pool, modes.evaluating)
    except OutOfMemory:
        return _run(model, pool.halved(), metric, seed)
