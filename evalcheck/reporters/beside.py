"""What the first lines say of faults beside a good verdict, so that this is not taken for a clean one."""

from __future__ import annotations

import re

from evalcheck.finding import Finding, Report
from evalcheck.measurement import Measurements
from evalcheck.reporters import causes, cures, treatment
from evalcheck.reporters.location import written
from evalcheck.reporters.numbers import first_sentence, joined

# What a rule measured stands in a sentence of its own.
MEASURED = re.compile(r"(?<=\. )Measured\b.*?\.(?=\s+[A-Z]|$)")
OPENING = re.compile(r"^(?:A|The|This|These|In|On|With|No) ")
# A sentence that fills the first lines is left to the finding.
LONGEST = 400


def lines(report: Report, measured: Measurements) -> list[tuple[str, str]]:
    """``But:`` the worst fault, or the one that was cured; the others' names, its cure, what to do."""
    faults = [finding for finding in report.at_least("warning") if finding.rule != cures.SYMPTOM]
    if not faults:
        return []
    proved = any(attempt.status == "proved" for attempt in treatment.ran(report))
    cured = cures.cured(report) if proved else None
    first = cured if cured in faults else faults[0]
    is_cause = first is cures.culprit(report)
    told = [("But", causes.told(measured, first) if is_cause and proved else _said(first))]
    rest = dict.fromkeys(finding.rule for finding in faults if finding.rule != first.rule)
    if rest:
        told.append(("Also", f"{joined(list(rest))}, told below."))
    if cured is first:
        return [*told, ("Cure", cures.cure(report)), ("Next", cures.following(report))]
    return [*told, ("Next", cures.step(first))]


def _said(finding: Finding) -> str:
    """Its first sentence and the line of code that it is about, then what was measured."""
    told = first_sentence(finding.message).removesuffix(".")
    if len(told) > LONGEST:
        return f"{finding.rule}, told below."
    told = f"{told[0].lower()}{told[1:]}" if OPENING.match(told) else told
    span = finding.place.span
    where = f" ({written(span, column=False)})" if span is not None else ""
    seen = MEASURED.search(finding.message)
    return f"{told}{where}.{f' {seen[0]}' if seen else ''}"
