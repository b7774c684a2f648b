"""How two runs over the same samples compare in the score that judges, in words and with its error."""

from __future__ import annotations

from evalcheck.measurement import Score
from evalcheck.probe import Trial
from evalcheck.probe.judging.gaining import Gained, gained
from evalcheck.probe.running.runner import Run

# Standard errors that a difference must exceed: paired, so that only what changes counts.
ERRORS = 2.0


def gain(trial: Trial, before: Run, after: Run) -> Gained | None:
    """By how much the score that judges is better, with its paired standard error; None without one.

    From sample to sample. A metric of the user's has one value a batch: from batch to batch.
    """
    judge = trial.judge
    if judge is None:
        return None
    return gained(before, [after], judge, trial.held.batch_size if judge.name == "metric" else 1)


def change(trial: Trial, before: Run, after: Run) -> str:
    """``accuracy goes from 98.1% to 41.0%``, of the score that people read; empty without one."""
    for score in trial.scores:
        if score.name in before.scores and score.name in after.scores:
            return f"{score.name} goes {told(score.name, before.mean(score.name), after.mean(score.name))}"
    return ""


def told(name: str, before: float, after: float) -> str:
    """``from 98.1% to 41.0%``."""
    form = ".1%" if name == "accuracy" else ".3g"
    return f"from {format(before, form)} to {format(after, form)}"


def agrees(score: Score, before: Run, after: Run, better: bool) -> bool:
    """Whether a score moves the way that the judge does."""
    if score.higher_is_better is None or score.name not in after.scores:
        return False
    moved = after.mean(score.name) - before.mean(score.name)
    return moved != 0 and ((moved > 0) == score.higher_is_better) == better
