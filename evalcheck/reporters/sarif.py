"""SARIF 2.1.0, for code scanning and editors: the rules' pages are its help, fixes are its fixes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evalcheck import rulebook
from evalcheck.finding import Edit, Finding, Fix, Place, Quote, Report, Span
from evalcheck.reporters.json import finite
from evalcheck.reporters.location import in_cell
from evalcheck.version import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"


def render(report: Report, *, color: bool, width: int, quiet: bool, verbose: bool) -> str:
    """The report as one SARIF log with one run."""
    text = json.dumps(document(report), indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf8", "backslashreplace").decode()  # a JSON escape for what UTF-8 cannot hold


def document(report: Report) -> dict[str, Any]:
    """The report as plain containers."""
    rules = sorted({finding.rule for finding in report.findings})
    driver = {
        "name": "evalcheck",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(name) for name in rules],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [
            {
                "executionSuccessful": not report.faults,
                "toolExecutionNotifications": list(_notifications(report)),
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, finding, rules) for finding in report.findings],
        "properties": {"target": report.target, "verdict": report.verdict},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str) -> dict[str, Any]:
    rule = rulebook.find(name)
    return {
        "id": name,
        "shortDescription": {"text": rule.summary},
        "help": {"text": f"{rule.summary} {rule.cure}", "markdown": rule.page},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": [rule.family], "layers": [*rule.layers]},
    }


def _notifications(report: Report) -> Iterator[dict[str, Any]]:
    """What broke, what could not be read and what could not be asked."""
    yield from ({"level": "error", "message": {"text": fault}} for fault in report.faults)
    yield from ({"level": "warning", "message": {"text": line}} for line in report.unread)
    for gap in report.gaps:
        text = f"{gap.rule} was not asked ({gap.layer}): {gap.reason}"
        yield {"level": "note", "message": {"text": text}}


def _result(report: Report, finding: Finding, rules: list[str]) -> dict[str, Any]:
    place = finding.place
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": finding.severity,
        "message": {"text": f"{in_cell(place.span) if place.span else ''}{finding.message}"},
        "locations": [_location(place, _file_of(report.target))],
        "relatedLocations": list(_related(finding)),
        "partialFingerprints": {"evalcheck/v1": finding.fingerprint},
        "properties": {"family": finding.family, "certainty": finding.certainty, **_cell(place.span)},
    }
    if finding.remedies:
        result["properties"]["remedies"] = [finite(asdict(remedy)) for remedy in finding.remedies]
    # A cell's lines are not those of the file: an edit of them would break the notebook.
    if finding.fix is not None and all(edit.span.cell is None for edit in finding.fix.edits):
        result["fixes"] = [_fix(finding.fix)]
    return result


def _related(finding: Finding) -> Iterator[dict[str, Any]]:
    places = [(p, "the same fault") for s in finding.sightings for p in s.places if p != finding.place]
    places += [(e.place, e.role) for e in finding.evidence if isinstance(e, Quote)]
    for number, (place, role) in enumerate(dict.fromkeys(places), 1):
        said = f"{in_cell(place.span) if place.span else ''}{role}"
        yield {"id": number, "message": {"text": said}, **_location(place, None)}


def _location(place: Place, file: str | None) -> dict[str, Any]:
    """Where: a stretch of a file, a module, or both; where no line is known, the target's file."""
    found: dict[str, Any] = {}
    if place.span is not None:
        found["physicalLocation"] = {"artifactLocation": _artifact(place.span.path)}
        if place.span.cell is None:  # a cell's lines are not those of the file
            found["physicalLocation"]["region"] = _region(place.span)
    elif file is not None:
        found["physicalLocation"] = {"artifactLocation": _artifact(file)}
    if place.module is not None:
        found["logicalLocations"] = [{"fullyQualifiedName": place.module, "kind": "module"}]
    return found


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _cell(span: Span | None) -> dict[str, int]:
    """The code cell of a notebook, and the line in it."""
    return {"cell": span.cell, "line": span.line} if span is not None and span.cell is not None else {}


def _artifact(path: str) -> dict[str, str]:
    if os.path.isabs(path):
        return {"uri": Path(path).as_uri()}
    return {"uri": quote(os.fsencode(path)), "uriBaseId": ROOT}


def _file_of(target: str) -> str | None:
    """The file of ``net.py:Net``."""
    file = target.rpartition(":")[0]
    return file if file.endswith(".py") else None


def _fix(fix: Fix) -> dict[str, Any]:
    paths: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        paths.setdefault(edit.span.path, []).append(edit)
    return {
        "description": {"text": fix.title if fix.safe else f"{fix.title} (may change what was meant)"},
        "artifactChanges": [
            {"artifactLocation": _artifact(path), "replacements": [_replacement(edit) for edit in edits]}
            for path, edits in paths.items()
        ],
    }


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
