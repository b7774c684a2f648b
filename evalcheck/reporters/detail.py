"""What is shown below a finding's headline: where, on what evidence, cured by what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from evalcheck.finding import Evidence, Finding, Measure, Quote, Report, Table
from evalcheck.measurement import of
from evalcheck.reporters import cures, treatment
from evalcheck.reporters.advice import cure_of
from evalcheck.reporters.answer import SYMPTOM, answer
from evalcheck.reporters.location import written
from evalcheck.reporters.numbers import joined
from evalcheck.terms import CERTAINTY

SHARED_OUT = "of the output's variance"
WHOLE = {"loader": "the evaluation loader", "train_loader": "the training loader"}


@dataclass(frozen=True, slots=True)
class Detail:
    """Lines for people; each may be empty."""

    where: str
    evidence: tuple[str, ...]
    tables: tuple[Table, ...]
    treated: str
    advice: str


def of_finding(finding: Finding, report: Report, verbose: bool) -> Detail:
    """``verbose`` adds the tables, and what other layers said of the same fault."""
    evidence = _said_once(finding)
    lines = [_line(one) for one in evidence if not isinstance(one, Table)]
    told = {finding.message}
    for sighting in finding.sightings[1:] if verbose else ():
        if sighting.message not in told:
            told.add(sighting.message)
            lines.append(f"{CERTAINTY[sighting.layer]} too: {sighting.message}")
    tables = [one for one in evidence if isinstance(one, Table)] if verbose else []
    # What is only read keeps its notes short; in a model people want to know what becomes of them.
    of_model = report.measurements is not None or any(s.layer != "source" for s in finding.sightings)
    short = finding.severity == "note" and not of_model
    treated = treatment.of_finding(finding, report)
    treated += "; see Tried" if treated else ""
    advice = "" if short else _advice(finding, report)
    return Detail(_where(finding, report), tuple(lines), tuple(tables), treated, advice)


def in_short(report: Report, verbose: bool) -> dict[int, str]:
    """Findings that the first lines tell already, by their place in the report: a line each says so."""
    cause = cures.culprit(report)
    if verbose or cause is None:
        return {}
    said = f"told above, caused by {cause.rule}"
    return {place: said for place, finding in enumerate(report.findings) if finding.rule == SYMPTOM}


def ordered(report: Report, short: dict[int, str]) -> list[tuple[int, Finding]]:
    """The findings with their places, those that the first lines tell already behind the rest."""
    return sorted(enumerate(report.findings), key=lambda one: one[0] in short)


def _advice(finding: Finding, report: Report) -> str:
    """What the first lines do not say already."""
    if finding.rule == SYMPTOM:
        return ""
    advice, said = cure_of(finding.rule), dict(answer(report)).get("Next", "")
    return "" if advice in said else advice


def _said_once(finding: Finding) -> list[Evidence]:
    """The evidence without quotes of the line that is shown already, one quote per line, no figure twice."""
    kept: dict[object, Evidence] = {}
    for evidence in _certain(finding):
        span = evidence.place.span if isinstance(evidence, Quote) else None
        if isinstance(evidence, Quote) and span is not None:
            if finding.place.span is not None and finding.place.span.touches(span):
                continue
            before = kept.get((span.path, span.cell, span.line))
            roles = [*(before.role.split(", ") if isinstance(before, Quote) else ()), evidence.role]
            role = ", ".join(dict.fromkeys(roles))
            kept[span.path, span.cell, span.line] = Quote(evidence.place, role)
        elif not (isinstance(evidence, Measure) and any(_says(one, evidence) for one in kept.values())):
            kept[evidence] = evidence
    return list(kept.values())


def _certain(finding: Finding) -> list[Evidence]:
    """The evidence; what the traced model only predicts goes where the same was measured."""
    measured = any(sighting.layer == "probe" for sighting in finding.sightings)
    return [
        one
        for sighting in finding.sightings
        for one in sighting.evidence
        if not (measured and sighting.layer == "graph" and isinstance(one, Measure) and _is_predicted(one))
    ]


def _is_predicted(measure: Measure) -> bool:
    return measure.what.startswith("predicted")


def _says(one: Evidence, other: Measure) -> bool:
    """Whether a measure is the same figure under nearly the same name, as two layers may give it."""
    if not isinstance(one, Measure) or f"{one.value:.2g}" != f"{other.value:.2g}":
        return False
    return one.what.startswith(other.what) or other.what.startswith(one.what)


def _where(finding: Finding, report: Report) -> str:
    place = finding.place
    sure = joined(list(dict.fromkeys(CERTAINTY[sighting.layer] for sighting in finding.sightings)))
    where = [written(place.span)] if place.span else []
    if place.module:
        # A loader has parts too, and these are no modules.
        at_place = [s for s in finding.sightings if s.place.module == place.module]
        norms = {reading.module for reading in report.measurements.layers} if report.measurements else set()
        of_loader = place.module in WHOLE or (
            all(s.layer == "loader" for s in at_place) and place.module not in norms
        )
        part = _part(place.module) if of_loader else repr(place.module)
        where.append(f"({part})" if where else part)
    return f"{sure} {'at' if place.span else 'in'} {' '.join(where)}" if where else sure


def _part(name: str) -> str:
    """``loader`` and ``train_loader`` as they are called among people, a part of one as it is written."""
    return WHOLE.get(name, f"{name} of the loader")


def _line(evidence: Quote | Measure) -> str:
    if isinstance(evidence, Measure):
        return _measure(evidence)
    span = evidence.place.span
    where = f"{written(span, column=False)}: {span.text}" if span else evidence.place.module or ""
    return f"{evidence.role}: {where}"


def _measure(measure: Measure) -> str:
    parts = measure.unit == SHARED_OUT
    figure = _percent if parts else lambda value: f"{value:.3g}"
    told = f"{measure.what}: "
    told += of(measure.value, SHARED_OUT[3:]) if parts else f"{measure.value:.3g} {measure.unit}".rstrip()
    extra = []
    if measure.interval:
        extra.append(f"95 % interval {figure(measure.interval[0])} to {figure(measure.interval[1])}")
    if measure.limit is not None:
        extra.append(f"limit {figure(measure.limit)}")
    return told + (f" ({', '.join(extra)})" if extra else "")


def _percent(value: float) -> str:
    return f"{value * 100:.2g}%" if abs(value) < 0.1 else f"{value:.0%}"
