"""Schema 1, as ``schema.json`` beside this file states it."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from evalcheck.finding import Finding, Fix, Measure, Place, Quote, Report, Table
from evalcheck.measurement import Measurements
from evalcheck.version import __version__


def render(report: Report, *, color: bool, width: int, quiet: bool, verbose: bool) -> str:
    """The report as one JSON document."""
    return json.dumps(document(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The report as plain containers."""
    return {
        "schema": 1,
        "tool": {"name": "evalcheck", "version": __version__},
        "target": report.target,
        "verdict": report.verdict,
        "findings": [_finding(finding) for finding in report.findings],
        "gaps": [{"rule": g.rule, "layer": g.layer, "reason": g.reason} for g in report.gaps],
        "measurements": _measurements(report.measurements),
        "notes": [*report.notes],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    quotes = [e for e in finding.evidence if isinstance(e, Quote)]
    others = [place for s in finding.sightings for place in s.places if place != finding.place]
    return {
        "rule": finding.rule,
        "family": finding.family,
        "severity": finding.severity,
        "certainty": finding.certainty,
        "message": finding.message,
        "location": _location(finding.place),
        "related": [
            *({"location": _location(place), "role": "the same fault"} for place in dict.fromkeys(others)),
            *({"location": _location(quote.place), "role": quote.role} for quote in quotes),
        ],
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
        "remedies": [finite(dataclasses.asdict(remedy)) for remedy in finding.remedies],
        "fix": _fix(finding.fix),
        "fingerprint": finding.fingerprint,
    }


def _location(place: Place) -> dict[str, Any]:
    span = place.span
    return {
        "path": span.path if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
        "cell": span.cell if span else None,
        "module": place.module,
    }


def _evidence(evidence: Quote | Measure | Table) -> dict[str, Any]:
    if isinstance(evidence, Quote):
        return {"kind": "quote", "location": _location(evidence.place), "role": evidence.role}
    kind = "measure" if isinstance(evidence, Measure) else "table"
    return {"kind": kind, **finite(dataclasses.asdict(evidence))}


def _fix(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    edits = [{"location": _location(Place(edit.span)), "text": edit.text} for edit in fix.edits]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}


def _measurements(measured: Measurements | None) -> dict[str, Any]:
    if measured is None:
        return {"divergence": {}, "causes": [], "layers": []}
    plain: dict[str, Any] = finite(dataclasses.asdict(measured))
    return {**plain, "divergence": plain["divergence"] or {}}


def finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: null says that there is no number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value
