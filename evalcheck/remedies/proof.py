"""Judges a remedy: by the loss where there are targets, else by the distance from train mode without noise.

A falling distance alone is no proof: statistics of the evaluation data bring it to zero even where
they hurt. So where there is a loss or a metric, that decides.
"""

from __future__ import annotations

from dataclasses import replace

from evalcheck.finding import Remedy, Unanswerable
from evalcheck.measurement import Attempt
from evalcheck.probe import Trial
from evalcheck.probe.chain import steps
from evalcheck.probe.judging import distance
from evalcheck.probe.running.runner import Run
from evalcheck.remedies import find, untried
from evalcheck.remedies.outcome import Outcome, Symptom

# A cure gives back at least this much of what eval mode loses; less is called no cure.
CURED = 0.8
# Less than this, in loss or in units of the output's variance, is nothing that needs a cure.
NOTHING = 0.01


def relieves(name: str) -> bool:
    """Whether the remedy is against something else than what eval mode loses, and measures that itself."""
    return untried.find(name) is None and bool(getattr(find(name), "RELIEVES", False))


def is_ill(trial: Trial) -> bool:
    """Whether eval mode loses anything that a cure could give back."""
    judge = trial.judge
    if judge is not None:
        gains = [step.gain(judge.name, bool(judge.higher_is_better)) or 0.0 for step in trial.steps]
        return judge.hurts(NOTHING) or max(gains, default=0.0) > NOTHING * judge.scale
    return distance.squared(trial.evaluated.rows, steps.mean_of(trial.reference)) > NOTHING * trial.unit


def attempt(trial: Trial, name: str) -> Attempt:
    """Try one remedy. Raises :class:`evalcheck.finding.Unanswerable` where it does not apply."""
    if (advice := untried.find(name)) is not None:
        return Attempt(name, advice.title, "untried", detail=advice.figures)
    treatment = find(name)
    outcome = treatment.run(trial)
    blank = Attempt(name, treatment.TITLE, "failed", price=outcome.price)
    if outcome.symptom is not None:
        return _against(trial, blank, outcome, outcome.symptom)
    if outcome.run is None:
        raise Unanswerable("nothing was run that could be judged")
    if outcome.circular and trial.judge is None:
        raise Unanswerable("without targets nothing could prove it, whose statistics are the judged data's")
    return _giving_back(trial, blank, outcome.run)


def _against(trial: Trial, blank: Attempt, outcome: Outcome, symptom: Symptom) -> Attempt:
    """Proved where the symptom is gone and no score suffers."""
    scores = _scores(trial.evaluated, outcome.run) if outcome.run is not None else ()
    worse = outcome.run is not None and _suffers(trial, outcome.run)
    return replace(
        blank,
        status="proved" if symptom.is_gone and not worse else "failed",
        measure=symptom.what,
        before=symptom.before,
        after=symptom.after,
        scores=scores,
        detail="but a score gets worse" if worse else "",
    )


def _giving_back(trial: Trial, blank: Attempt, run: Run) -> Attempt:
    """Proved where enough is given back of what eval mode loses."""
    unit, target = trial.unit or 1.0, steps.mean_of(trial.reference)
    before, after = (distance.squared(r.rows, target) / unit for r in (trial.evaluated, run))
    recovered = _recovered(trial, run, before, after)
    scores = tuple((s.name, s.eval, run.mean(s.name)) for s in trial.scores)
    shown = scores[0] if scores else ("distance from train mode", before, after)
    return replace(
        blank,
        status="proved" if recovered >= CURED else "failed",
        measure=shown[0],
        before=shown[1],
        after=shown[2],
        scores=scores,
        divergence=(before, after),
        recovered=recovered,
        detail=_detail(trial, run, recovered),
    )


def _scores(before: Run, after: Run) -> tuple[tuple[str, float, float], ...]:
    both = [name for name in before.scores if name in after.scores]
    return tuple((name, before.mean(name), after.mean(name)) for name in both)


def _suffers(trial: Trial, run: Run) -> bool:
    """Whether the score that judges is worse under the remedy by more than chance."""
    judge = trial.judge
    if judge is None or judge.name not in run.scores:
        return False
    apart = (run.scores[judge.name] - trial.evaluated.scores[judge.name]).double()
    apart = -apart if judge.higher_is_better else apart
    error = float(apart.std()) / max(1, len(apart)) ** 0.5
    return bool(float(apart.mean()) > max(NOTHING * judge.scale, 2 * error))


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
    return Remedy(
        attempted.name,
        attempted.title,
        attempted.status,
        attempted.measure,
        attempted.before,
        attempted.after,
        attempted.detail,
        attempted.price,
    )
