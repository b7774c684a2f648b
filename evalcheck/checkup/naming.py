"""The user's own name for the metric, in all figures that are shown."""

from __future__ import annotations

from dataclasses import replace

from evalcheck.finding import Finding
from evalcheck.measurement import Attempt, Measurements, Score
from evalcheck.probe import Trial


def findings(trial: Trial, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, whose remedies say what they were judged by."""
    return tuple(
        replace(one, remedies=tuple(replace(r, measure=trial.called(r.measure)) for r in one.remedies))
        for one in found
    )


def figures(trial: Trial, measured: Measurements) -> Measurements:
    """The measurements, with the scores and the attempts under these names."""
    return replace(
        measured,
        scores=tuple(_score(trial, score) for score in measured.scores),
        attempts=tuple(_attempt(trial, attempt) for attempt in measured.attempts),
    )


def _score(trial: Trial, score: Score) -> Score:
    return replace(score, name=trial.called(score.name))


def _attempt(trial: Trial, attempt: Attempt) -> Attempt:
    scores = tuple((trial.called(name), before, after) for name, before, after in attempt.scores)
    return replace(attempt, measure=trial.called(attempt.measure), scores=scores)
