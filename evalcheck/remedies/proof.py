"""Judges a remedy: by the loss where there are targets, else by the distance from train mode without noise.

A falling distance alone is no proof: statistics of the evaluation data bring it to zero even where
they hurt. So where there is a loss or a metric, that decides; and what chance could have done is no proof.
"""

from __future__ import annotations

from dataclasses import replace

from evalcheck.finding import Remedy, Unanswerable
from evalcheck.measurement import Attempt, Score
from evalcheck.probe import Trial, effect
from evalcheck.probe.running.runner import Run
from evalcheck.remedies import find, giving_back, guessed, judged, untried
from evalcheck.remedies.giving_back import NOTHING
from evalcheck.remedies.outcome import Outcome, Symptom, Unprovable

CIRCULAR = "its statistics are those of the judged data: only targets could prove it"


def relieves(name: str) -> bool:
    """Whether the remedy is against something else than what eval mode loses, and measures that itself."""
    return untried.find(name) is None and bool(getattr(find(name), "RELIEVES", False))


def against(name: str) -> str | None:
    """The step from eval mode to train mode that the remedy is against whatever page names it, if any."""
    return None if untried.find(name) is not None else getattr(find(name), "AGAINST", None)


def is_ill(trial: Trial) -> bool:
    """Whether eval mode loses anything that a cure could give back, and more than chance explains."""
    judge = trial.judge
    if judge is None:
        return giving_back.apart(trial, trial.evaluated) > NOTHING
    effects = [effect.of_step(trial, step.name) for step in trial.steps]
    return judge.hurts(NOTHING) or any(found is not None and found.costs(NOTHING) for found in effects)


def attempt(trial: Trial, name: str) -> Attempt:
    """Try one remedy. Raises :class:`evalcheck.finding.Unanswerable` where it does not apply."""
    if (advice := untried.find(name)) is not None:
        return Attempt(name, advice.title, "untried", detail=advice.figures)
    treatment = find(name)
    try:
        outcome = treatment.run(trial)
        if outcome.circular and trial.judge is None:
            raise Unprovable(CIRCULAR)
    except Unprovable as reason:
        return Attempt(name, treatment.TITLE, "untried", detail=str(reason))
    blank = Attempt(
        name, outcome.title or treatment.TITLE, "failed", price=outcome.price, fault=outcome.fault
    )
    if outcome.symptom is not None:
        return _against(trial, blank, outcome, outcome.symptom)
    if outcome.run is None:
        raise Unanswerable("nothing was run that could be judged")
    return _giving_back(trial, blank, outcome, outcome.run)


def _against(trial: Trial, blank: Attempt, outcome: Outcome, symptom: Symptom) -> Attempt:
    """Proved where the symptom is gone and no score suffers."""
    scores = _scores(trial, outcome.run) if outcome.run is not None else ()
    worse = outcome.run is not None and _suffers(trial, outcome.run)
    proved = symptom.is_gone and not worse and not outcome.fault
    detail = ""
    if symptom.after > max(symptom.before, symptom.limit):
        detail = "makes it worse"
    elif not symptom.is_gone:
        detail = "helps, is no cure" if symptom.after < symptom.before else "changes nothing"
    judge = trial.judge if worse else None
    if judge is not None and outcome.run is not None:
        moved = judged.told(judge.name, judge.eval, outcome.run.mean(judge.name))
        detail = f"the {judge.name} gets worse, {moved}"
    return replace(
        blank,
        status="proved" if proved else "failed",
        measure=symptom.what,
        before=symptom.before,
        after=symptom.after,
        scores=scores,
        detail=_joined(detail, outcome),
    )


def _giving_back(trial: Trial, blank: Attempt, outcome: Outcome, run: Run) -> Attempt:
    """Proved where enough is given back of what eval mode loses, by more than chance."""
    given = giving_back.given(trial, run)
    outcome = replace(outcome, fault=outcome.fault or guessed.told(trial, run))
    before, after = giving_back.apart(trial, trial.evaluated), giving_back.apart(trial, run)
    main = _shown(trial, run, given.gain > 0)
    apart = ("distance from train mode", before, after)
    shown = (main.name, main.eval, run.mean(main.name)) if main else apart
    detail = ", ".join([given.told, *_contrary(trial, run, main, given.gain > 0)])
    return replace(
        blank,
        status="proved" if given.is_cure and not outcome.fault else "failed",
        measure=shown[0],
        before=shown[1],
        after=shown[2],
        scores=_scores(trial, run),
        divergence=(before, after),
        recovered=given.recovered,
        detail=_joined(detail, outcome),
    )


def _joined(detail: str, outcome: Outcome) -> str:
    """One sentence of what was judged, what else was measured, and what is against it."""
    told = "; ".join(part for part in (detail, outcome.told) if part)
    return ", but ".join(part for part in (told, outcome.fault) if part)


def _shown(trial: Trial, run: Run, better: bool) -> Score | None:
    """The first score that moves as the one that judged does: a figure that says otherwise misleads."""
    judge = trial.judge
    if judge is None or judge.name not in run.scores:
        return None
    return next((s for s in trial.scores if judged.agrees(s, trial.evaluated, run, better)), judge)


def _contrary(trial: Trial, run: Run, main: Score | None, better: bool) -> list[str]:
    """What moves the other way: ``while accuracy goes from 96.6% to 96.2%``."""
    others = [s for s in trial.scores if main is not None and s.name != main.name]
    return [
        f"while {s.name} goes {judged.told(s.name, s.eval, run.mean(s.name))}"
        for s in others
        if judged.agrees(s, trial.evaluated, run, not better)
    ]


def _scores(trial: Trial, run: Run) -> tuple[tuple[str, float, float], ...]:
    return tuple((s.name, s.eval, run.mean(s.name)) for s in trial.scores if s.name in run.scores)


def _suffers(trial: Trial, run: Run) -> bool:
    """Whether the score that judges is worse under the remedy by more than chance."""
    gain, judge = judged.gain(trial, trial.evaluated, run), trial.judge
    if gain is None or judge is None:
        return False
    return -gain.gain > max(NOTHING * judge.scale, judged.ERRORS * gain.error)


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
