"""Judges a remedy: by the loss where there are targets, else by the distance from train mode.

A falling distance alone is no proof: statistics of the evaluation data bring it to zero even where
they hurt. So where there is a loss or a metric, that decides.
"""

from __future__ import annotations

from evalcheck.finding import Remedy
from evalcheck.measurement import Attempt
from evalcheck.probe import Trial
from evalcheck.probe.chain import steps
from evalcheck.probe.judging import distance
from evalcheck.probe.running.runner import Run
from evalcheck.remedies import find

# A cure gives back at least this much of what eval mode loses; less is called no cure.
CURED = 0.8
# Less than this, in loss or in units of the output's variance, is nothing that needs a cure.
NOTHING = 0.01


def is_ill(trial: Trial) -> bool:
    """Whether eval mode loses anything that a cure could give back."""
    judge = trial.judge
    if judge is not None:
        gains = [step.gain(judge.name, bool(judge.higher_is_better)) or 0.0 for step in trial.steps]
        return judge.hurts(NOTHING) or max(gains, default=0.0) > NOTHING * judge.scale
    return distance.squared(trial.evaluated.rows, steps.mean_of(trial.reference)) > NOTHING * trial.unit


def attempt(trial: Trial, name: str) -> Attempt:
    """Try one remedy. Raises :class:`evalcheck.finding.Unanswerable` where it does not apply."""
    treatment = find(name)
    run = treatment.run(trial)
    unit, target = trial.unit or 1.0, steps.mean_of(trial.reference)
    before, after = (distance.squared(r.rows, target) / unit for r in (trial.evaluated, run))
    recovered = _recovered(trial, run, before, after)
    return Attempt(
        name=name,
        title=treatment.TITLE,
        status="proved" if recovered >= CURED else "failed",
        scores=tuple((s.name, s.eval, run.mean(s.name)) for s in trial.scores),
        divergence=(before, after),
        detail=_detail(trial, run, recovered),
    )


def _recovered(trial: Trial, run: Run, before: float, after: float) -> float:
    """The part of what eval mode loses that the remedy gives back; negative where it hurts."""
    judge = trial.judge
    if judge is None:
        return (before - after) / before if before > 0 else 0.0
    gain = run.mean(judge.name) - judge.eval
    gain = gain if judge.higher_is_better else -gain
    # A cure may do better than the reference, whose batches are noisy: then nothing is left to give back.
    return gain / max(judge.harm, judge.harm_against_train, NOTHING * judge.scale)


def _detail(trial: Trial, run: Run, recovered: float) -> str:
    lost = (
        f"of the {trial.judge.name} that eval mode loses"
        if trial.judge
        else "of the distance from train mode"
    )
    judge = trial.judge
    if judge is not None and recovered < 0:
        return f"but the {judge.name} gets worse: {judge.eval:.3g} → {run.mean(judge.name):.3g}"
    if judge is not None and max(judge.harm, judge.harm_against_train) <= 0:
        return "better than train mode, whose batches are noisy"
    if recovered < 0:
        return "makes it worse"
    return f"gives back {min(recovered, 1):.0%} {lost}"


def remedy(attempted: Attempt) -> Remedy:
    """The attempt as a remedy of a finding, with the figure that people read first."""
    if attempted.scores:
        name, before, after = attempted.scores[0]
    else:
        name, (before, after) = "distance from train mode", attempted.divergence
    return Remedy(attempted.name, attempted.title, attempted.status, name, before, after, attempted.detail)
