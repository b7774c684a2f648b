"""What it costs to evaluate this model in train mode: the number behind a missing ``eval()``."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from evalcheck.finding import Measure, Sighting, Strength
from evalcheck.measurement import Score
from evalcheck.probe import Trial

# Of a score's scale, or of the predictions, from where on the cost is an error.
HARM, CHANGED = 0.05, 0.05


def measured(trial: Trial, sightings: Sequence[Sighting]) -> list[Sighting]:
    """The same sightings with the score and the predictions of single passes in train mode.

    Cleared where no pass differs from eval mode by a single bit: nothing in the model asks for the mode.
    None where train mode is the better: the line may be about another model, and loses nothing here.
    """
    if trial.judge is not None and (_lost(trial.judge) or 0.0) < 0:
        return []
    here, there = trial.passes.paired
    same = all(bool((rows == here).all()) for rows in there)
    measures = _measures(trial)
    told = "no effect: this model gives the same output in both modes" if same else _told(trial)
    grave = not same and _harmful(trial)
    return [
        Sighting(
            "probe",
            sighting.place,
            f"{sighting.message} Measured on {trial.held.name}: {told}.",
            evidence=() if same else measures,
            others=sighting.others,
            strength="cleared" if same else _strength(grave, sighting.strength),
        )
        for sighting in sightings
    ]


def _strength(grave: bool, suspected: Strength) -> Strength:
    return "grave" if grave else suspected


def _told(trial: Trial) -> str:
    changed = _changed(trial)
    parts = []
    if trial.scores and trial.scores[0].train is not None:
        score, form = trial.scores[0], ".1%" if trial.scores[0].name == "accuracy" else ".3g"
        parts.append(f"{trial.called(score.name)} {score.train:{form}} instead of {score.eval:{form}}")
    if changed is not None:
        parts.append(f"{changed:.1%} of the predictions are others")
    if not parts:
        parts.append(f"the output scatters by {trial.divergence.noise:.2g} of its variance")
    return f"in train mode {' and '.join(parts)}"


def _measures(trial: Trial) -> tuple[Measure, ...]:
    passes, changed = trial.passes.count, _changed(trial)
    lost = [
        Measure(f"{trial.called(score.name)} lost in train mode", loss, trials=passes)
        for score in trial.scores
        if (loss := _lost(score)) is not None
    ]
    if changed is not None:
        lost.append(Measure("predictions that train mode changes", changed, "of all", CHANGED, trials=passes))
    return tuple(lost)


def _lost(score: Score) -> float | None:
    """By how much one pass in train mode is worse than eval mode; None where that is not known."""
    if score.train is None or score.higher_is_better is None:
        return None
    return score.eval - score.train if score.higher_is_better else score.train - score.eval


def _harmful(trial: Trial) -> bool:
    judge = trial.judge
    if judge is None:
        return (_changed(trial) or 0.0) > CHANGED
    lost = _lost(judge)
    single = [run.mean(judge.name) for run in trial.passes.trained]
    error = statistics.stdev(single) / len(single) ** 0.5
    return lost is not None and lost > HARM * judge.scale and lost > 2 * error


def _changed(trial: Trial) -> float | None:
    """The share of most probable classes that one pass in train mode changes; None without classes."""
    here, there = trial.evaluated.classes, [run.classes for run in trial.passes.trained]
    if here is None:
        return None
    shares = [
        float((one.argmax(2) != here.argmax(2)).float().mean())
        for one in there
        if one is not None and one.shape == here.shape
    ]
    return sum(shares) / len(shares) if len(shares) == len(there) else None
