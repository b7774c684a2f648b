"""Asks the rules of a layer about one subject, and merges what was seen into findings.

The engine knows no check: it is given a function that finds one. It stamps what the check
does not know, the rule's name, family and severity.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evalcheck.complaint import Complaint
from evalcheck.finding import Finding, Gap, Sighting, Unanswerable, worst
from evalcheck.rulebook import Rule
from evalcheck.settings import Settings
from evalcheck.symptoms import explained
from evalcheck.terms import CERTAINTY, LAYERS, SEVERITIES, Layer, Severity

Check = Callable[[Any, Mapping[str, Any]], Iterable[Sighting]]
Finder = Callable[[Layer, str], Check]

LIGHTER: dict[Severity, Severity] = {"error": "warning", "warning": "note", "note": "note"}


@dataclass
class Answers:
    """What the rules said so far: sightings by rule, gaps, and faults of evalcheck's own."""

    sightings: dict[Rule, list[Sighting]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, other: Answers) -> None:
        """Take over what another round of questions gave."""
        for rule, seen in other.sightings.items():
            self.sightings.setdefault(rule, []).extend(seen)
        self.gaps += other.gaps
        self.faults += other.faults


def ask(
    answers: Answers,
    settings: Settings,
    layer: Layer,
    subject: object,
    find: Finder,
    rules: Iterable[Rule] | None = None,
) -> None:
    """Ask every chosen rule of a layer about one subject, or those of them that could concern it.

    A check that raises :class:`Unanswerable` leaves a gap. A :class:`Complaint` is the user's to
    hear. Any other exception is a fault of evalcheck, kept apart so that one broken check does not
    cost the user the report.
    """
    for rule in settings.rules() if rules is None else rules:
        if layer not in rule.layers:
            continue
        try:
            seen = list(find(layer, rule.name)(subject, settings.options_of(rule)))
        except Complaint:
            raise
        except Unanswerable as reason:
            answers.gaps.append(Gap(rule.name, layer, str(reason)))
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{rule.name} ({layer}), {frame.name}:{frame.lineno}"
            answers.faults.append(f"{where}: {type(error).__name__}: {error}")
            answers.gaps.append(Gap(rule.name, layer, "a fault of evalcheck itself kept it from being asked"))
        else:
            answers.sightings.setdefault(rule, []).extend(seen)


def skip(answers: Answers, settings: Settings, layer: Layer, reason: str) -> None:
    """Note that a whole layer could not be asked."""
    for rule in settings.rules():
        if layer in rule.layers:
            answers.gaps.append(Gap(rule.name, layer, reason))


def conclude(answers: Answers, settings: Settings) -> tuple[Finding, ...]:
    """Merge sightings of one fault into one finding, stamp them, put the worst first."""
    groups = {
        rule: _of_one_loader(_groups(seen))
        for rule, seen in answers.sightings.items()
        if rule.name not in settings.allow
    }
    return ordered(
        _finding(rule, group, settings) for rule, kept in explained(groups).items() for group in kept
    )


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first; of one severity what moves the output most, symptoms last; then by place."""
    return tuple(sorted(findings, key=_order))


def _groups(seen: Iterable[Sighting]) -> list[list[Sighting]]:
    """Sightings whose places meet, directly or through a third, are of one fault."""
    groups: list[list[Sighting]] = []
    near: dict[object, list[list[Sighting]]] = {}  # groups that may meet what lies at a place
    for sighting in seen:
        marks = list(_marks(sighting))
        candidates = {id(group): group for mark in marks for group in near.get(mark, ())}
        met = [g for g in candidates.values() if any(_meet(sighting, other) for other in g)]
        joined = (
            [*(s for g in groups if any(g is m for m in met) for s in g), sighting] if met else [sighting]
        )
        if met:
            groups = [g for g in groups if not any(g is m for m in met)]
        groups.append(joined)
        for mark in {mark for other in joined for mark in _marks(other)}:
            kept = [g for g in near.get(mark, ()) if not any(g is m for m in met)]
            near[mark] = [*kept, joined]
    return groups


def _of_one_loader(groups: list[list[Sighting]]) -> list[list[Sighting]]:
    """A loader that was read in the source and the one that was looked at, where there is one of each.

    They share no place: the source knows lines, and a loader that is at hand does not know its own.
    """
    read, seen = ([g for g in groups if {s.layer for s in g} == {layer}] for layer in ("source", "loader"))
    if len(read) != 1 or len(seen) != 1:
        return groups
    return [*(group for group in groups if group not in (read[0], seen[0])), [*read[0], *seen[0]]]


def _marks(sighting: Sighting) -> Iterator[object]:
    """What two sightings must share to meet: a module, a line, or a subject."""
    if sighting.subject is not None:
        yield "subject", sighting.subject
    for place in sighting.places:
        if place.module is not None:
            yield "module", place.module
        if place.span is not None:
            span = place.span
            yield from (("line", span.path, n) for n in range(span.line, span.end_line + 1))


def _meet(one: Sighting, two: Sighting) -> bool:
    if one.layer != two.layer and one.subject is not None and one.subject == two.subject:
        return True
    return any(a.meets(b) for a in one.places for b in two.places)


def _finding(rule: Rule, group: list[Sighting], settings: Settings) -> Finding:
    surest = sorted(group, key=lambda s: LAYERS.index(s.layer), reverse=True)
    return Finding(
        rule=rule.name,
        family=rule.family,
        severity=settings.severity.get(rule.name) or _severity(rule, surest),
        sightings=tuple(surest),
        remedies=tuple(r for s in surest for r in s.remedies),
    )


def _severity(rule: Rule, group: list[Sighting]) -> Severity:
    """A measurement that found no effect outweighs every hypothesis; else the gravest sighting counts."""
    measured = [s for s in group if CERTAINTY[s.layer] == "measured"]
    # What the model makes of it counts, and not that the data are so.
    measured = [s for s in measured if s.layer == "probe"] or measured
    if measured and all(s.strength == "cleared" for s in measured):
        return "note"
    by_strength: dict[str, Severity] = {
        "grave": rule.grave,
        "usual": rule.severity,
        "slight": LIGHTER[rule.severity],
        "cleared": "note",
    }
    return worst(by_strength[s.strength] for s in group)


def _order(finding: Finding) -> tuple[int, bool, float, int, str, int, int, str]:
    span, module = finding.place.span, finding.place.module
    return (
        -SEVERITIES.index(finding.severity),
        # What has a place is a cause; what has none is a symptom.
        span is None and module is None,
        # What eval mode is measured to suffer from comes before what is true besides.
        -finding.effect,
        -LAYERS.index(finding.sightings[0].layer),
        span.path if span else "",
        (span.cell or 0) if span else 0,
        span.line if span else 0,
        finding.rule,
    )


def with_remedies(finding: Finding, remedies: Iterable[Any]) -> Finding:
    """The finding with the remedies that were tried for its rule."""
    return replace(finding, remedies=(*finding.remedies, *remedies))
