"""The finding that eval mode is worse names the finding that tells why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evalcheck import engine, rulebook
from evalcheck.checkup.treating import SYMPTOM, is_compared
from evalcheck.finding import Finding, worst
from evalcheck.measurement import Cause
from evalcheck.probe import Trial
from evalcheck.probe.running.budget import affordable
from evalcheck.settings import Settings


def referred(trial: Trial, findings: tuple[Finding, ...], settings: Settings) -> tuple[Finding, ...]:
    """The findings; the symptom says in one sentence which other one tells of its largest cause."""
    symptom = next((finding for finding in findings if finding.rule == SYMPTOM), None)
    if symptom is None or not is_compared(trial):
        return findings
    thresholds = settings.options_of(rulebook.find(SYMPTOM))
    main = next((c for c in affordable(lambda: trial.causes(thresholds), ()) if c.material), None)
    teller = _teller(main, findings) if main is not None else None
    if teller is None:
        return findings
    first, *others = symptom.sightings
    told = replace(first, message=f"{first.message} The finding {teller.rule} tells of that cause.")
    new = {
        symptom.rule: replace(symptom, sightings=(told, *others)),
        # What causes an error is one.
        teller.rule: replace(teller, severity=worst((teller.severity, symptom.severity))),
    }
    return engine.ordered(
        new[finding.rule] if finding in (symptom, teller) else finding for finding in findings
    )


def _teller(main: Cause, findings: Sequence[Finding]) -> Finding | None:
    """The first finding above a note that is about this cause; one at the cause's own module goes first."""
    about = [
        finding
        for finding in findings
        if finding.rule != SYMPTOM and finding.severity != "note" and main.name in _causes(finding.rule)
    ]
    return next((f for f in about if _modules(f) & set(main.modules)), about[0] if about else None)


def _modules(finding: Finding) -> set[str | None]:
    return {place.module for sighting in finding.sightings for place in sighting.places}


def _causes(name: str) -> set[str | None]:
    """The steps from eval mode to train mode that a rule's faults show in, its own and its symptoms'."""
    symptoms = [rule for rule in rulebook.load().values() if name in rule.explained_by]
    return {rule.cause for rule in (rulebook.find(name), *symptoms)}
