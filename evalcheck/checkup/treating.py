"""Tries the remedies that the findings' pages name, each at most once, where they could do something."""

from __future__ import annotations

from collections.abc import Iterator

from evalcheck import rulebook
from evalcheck.engine import with_remedies
from evalcheck.finding import Finding, Unanswerable
from evalcheck.measurement import Attempt
from evalcheck.probe import NotFinite, Trial
from evalcheck.remedies import proof, untried
from evalcheck.rulebook import Rule
from evalcheck.settings import Settings

SYMPTOM = "train-eval-divergence"
# Causes that are no step of their own: inputs that were prepared in another way are another domain.
STEPS = {"inputs": "domain"}


def treated(
    trial: Trial, findings: tuple[Finding, ...], settings: Settings
) -> tuple[tuple[Finding, ...], tuple[Attempt, ...]]:
    """The findings with what their remedies did, and every attempt, those that were proved first."""
    attempts: dict[str, Attempt | None] = {}
    found = []
    for finding in findings:
        tried = [
            proof.remedy(attempt)
            for name in _names(trial, finding, settings)
            if (attempt := _once(trial, name, attempts)) is not None
        ]
        # A check that measured its own remedy has said it already.
        told = {remedy.name for remedy in finding.remedies}
        new = [remedy for remedy in tried if remedy.name not in told]
        found.append(with_remedies(finding, sorted(new, key=lambda one: ORDER[one.status])))
    kept = [attempt for attempt in attempts.values() if attempt is not None]
    return tuple(found), tuple(sorted(kept, key=lambda one: ORDER[one.status]))


ORDER = {"proved": 0, "failed": 1, "untried": 2}


def _once(trial: Trial, name: str, attempts: dict[str, Attempt | None]) -> Attempt | None:
    """What trying it gave, None where it does not apply."""
    if name not in attempts:
        try:
            attempts[name] = proof.attempt(trial, name)
        except (Unanswerable, NotFinite):
            attempts[name] = None
    return attempts[name]


def _names(trial: Trial, finding: Finding, settings: Settings) -> Iterator[str]:
    """The remedies of a finding: of its own page, and of its causes' pages where it is the symptom."""
    if finding.severity == "note":
        return
    rule = rulebook.find(finding.rule)
    for name in rule.remedies if rule.name != SYMPTOM else _of_causes(trial, settings):
        if untried.find(name) is not None or proof.relieves(name) or _is_worth(trial, rule, name, settings):
            yield name


def _of_causes(trial: Trial, settings: Settings) -> list[str]:
    """What the pages name against the causes that matter, the main cause's first."""
    if not is_compared(trial):
        return []
    causes = trial.causes(settings.options_of(rulebook.find(SYMPTOM)))
    rules = rulebook.load().values()
    named = [n for c in causes if c.material for rule in rules if rule.cause == c.name for n in rule.remedies]
    return [name for name in dict.fromkeys(named) if untried.find(name) is None]


def _is_worth(trial: Trial, rule: Rule, name: str, settings: Settings) -> bool:
    """Whether eval mode loses something that a cure of this fault could give back."""
    if not is_compared(trial) or not proof.is_ill(trial):
        return False
    if rule.name == SYMPTOM:
        return True
    cause = STEPS.get(rule.cause or "", rule.cause) or proof.against(name)
    step = trial.step(cause) if cause else None
    limit = float(settings.options_of(rulebook.find(SYMPTOM)).get(cause or "", 0.0))
    return step is not None and step.size(trial.unit) > limit


def is_compared(trial: Trial) -> bool:
    """Whether the two modes could be compared at all."""
    try:
        trial.require_training()
        _ = trial.divergence, trial.steps, trial.scores
    except (Unanswerable, NotFinite):
        return False
    return True
