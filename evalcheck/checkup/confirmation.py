"""What other layers suspected, with the number that the probe gives it, or cleared by it."""

from __future__ import annotations

from collections.abc import Sequence

from evalcheck import rulebook
from evalcheck.checkup import in_train_mode, of_inputs
from evalcheck.checkup.treating import SYMPTOM, is_compared
from evalcheck.engine import Answers
from evalcheck.finding import Measure, Sighting
from evalcheck.measurement import of
from evalcheck.probe import Trial
from evalcheck.probe.chain.steps import TITLES
from evalcheck.settings import Settings

VARIANCE = "the output's variance"


def confirmed(trial: Trial, seen: Answers, settings: Settings, probed: Answers | None = None) -> Answers:
    """Sightings of the same faults, as measured.

    A rule's page names the step from eval mode to train mode that would show its effect. Where that
    step is below its threshold, or comes from other modules than the one suspected, the suspicion is
    cleared. What the probe's own check of the rule said something of
    (``probed``) is left to it.
    """
    answers = Answers()
    thresholds = settings.options_of(rulebook.find(SYMPTOM))
    for rule, sightings in seen.sightings.items():
        told = probed.sightings.get(rule, []) if probed is not None else []
        sightings = [s for s in sightings if not any(_meet(s, other) for other in told)]
        # A copy that the file makes need not be the model that is measured here.
        own = "probe" in rule.layers and (probed is None or rule.family == "copies")
        if rule.cause is None or own or not sightings or not is_compared(trial):
            continue
        if rule.cause == "mode":
            answers.sightings[rule] = in_train_mode.measured(trial, sightings)
            continue
        if rule.cause == "inputs":
            answers.sightings[rule] = of_inputs.measured(trial, sightings, thresholds)
            continue
        limit = float(thresholds[rule.cause])
        answers.sightings[rule] = _measured(trial, rule.cause, sightings, limit)
    return answers


def _measured(trial: Trial, cause: str, sightings: Sequence[Sighting], limit: float) -> list[Sighting]:
    step = trial.step(cause)
    size = step.size(trial.unit) if step else 0.0
    small = size <= limit
    guilty = set(trial.way.culprits.of(cause)) if step is not None and not small else set()
    measure = Measure(TITLES[cause], size, "of the output's variance", limit)
    found = []
    for sighting in sightings:
        suspected = {place.module for place in sighting.places if place.module is not None}
        elsewhere = bool(guilty and suspected) and not guilty & suspected
        told = _told(size, small, elsewhere)
        found.append(
            Sighting(
                "probe",
                sighting.place,
                f"{sighting.message} Measured: {told}.",
                evidence=(measure,),
                others=sighting.others,
                strength="cleared" if small or elsewhere else sighting.strength,
            )
        )
    return found


def _meet(one: Sighting, two: Sighting) -> bool:
    return any(here.meets(there) for here in one.places for there in two.places)


def _told(size: float, small: bool, elsewhere: bool) -> str:
    if small:
        return f"no effect on these batches ({of(size, VARIANCE)})"
    if elsewhere:
        return "no effect here; what moves the eval output comes from other modules"
    return f"it moves the eval output by {of(size, VARIANCE)}"
