"""SARIF 2.1.0: what code scanning needs of it, and that pages are the help."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from evalcheck import rulebook
from evalcheck.finding import Edit, Finding, Fix, Place, Report, Sighting, Span
from evalcheck.reporters import render
from tests.reporters import samples
from tests.reporters.keeping import kept

WHOLE = {"type": "integer", "minimum": 1}
TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}, "markdown": {"type": "string"}},
    "additionalProperties": False,
}
REGION = {
    "type": "object",
    "required": ["startLine"],
    "properties": dict.fromkeys(("startLine", "startColumn", "endLine", "endColumn"), WHOLE)
    | {"properties": {"type": "object"}},
    "additionalProperties": False,
}
ARTIFACT = {
    "type": "object",
    "required": ["uri"],
    "properties": {"uri": {"type": "string", "pattern": "^[^ ]+$"}, "uriBaseId": {"const": "%SRCROOT%"}},
    "additionalProperties": False,
}
LOCATION = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "message": TEXT,
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {"artifactLocation": ARTIFACT, "region": REGION},
            "additionalProperties": False,
        },
        "logicalLocations": {"type": "array", "items": {"required": ["fullyQualifiedName"]}},
    },
    "additionalProperties": False,
}
LEVEL = {"enum": ["error", "warning", "note"]}
FIX = {
    "type": "object",
    "required": ["artifactChanges"],
    "properties": {
        "description": TEXT,
        "artifactChanges": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": ["artifactLocation", "replacements"],
                "properties": {
                    "artifactLocation": ARTIFACT,
                    "replacements": {
                        "minItems": 1,
                        "items": {
                            "required": ["deletedRegion", "insertedContent"],
                            "properties": {
                                "deletedRegion": REGION,
                                "insertedContent": {"required": ["text"]},
                            },
                        },
                    },
                },
            },
        },
    },
}
# The part of the standard's schema that evalcheck writes.
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "level": LEVEL,
        "message": TEXT,
        "locations": {"type": "array", "minItems": 1, "maxItems": 1, "items": LOCATION},
        "relatedLocations": {"type": "array", "items": LOCATION},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "fixes": {"type": "array", "items": FIX},
    },
}


def run_of(report: Report) -> dict[str, Any]:
    document = json.loads(render(report, "sarif"))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    [run] = document["runs"]
    return run


@pytest.mark.parametrize("report", [samples.full(), samples.read(), samples.empty()])
def test_the_structure_is_the_standards(report: Report) -> None:
    """Every result has its rule, its level, its text and a place."""
    run = run_of(report)
    jsonschema.validate(run["results"], {"type": "array", "items": RESULT})
    for notification in run["invocations"][0]["toolExecutionNotifications"]:
        jsonschema.validate(notification, {"properties": {"level": LEVEL, "message": TEXT}})
    rules = run["tool"]["driver"]["rules"]
    for result, finding in zip(run["results"], report.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.rule
        assert result["level"] == finding.severity
    assert len({rule["id"] for rule in rules}) == len(rules)


def test_output_is_what_the_golden_file_says() -> None:
    """But for the pages, which are the rules' own."""
    document = json.loads(render(samples.read(), "sarif"))
    for rule in document["runs"][0]["tool"]["driver"]["rules"]:
        rule["help"] = rule["shortDescription"] = {"text": "as the page says"}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    assert text == kept("sarif", text)


def test_pages_are_the_help() -> None:
    """The whole page as Markdown, the advice as text."""
    rules = run_of(samples.read())["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["functional-dropout-ungated", "missing-eval"]
    for rule in rules:
        page = rulebook.find(rule["id"])
        assert rule["help"]["markdown"] == page.page
        assert page.cure in rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] == page.severity


def test_faults_are_told() -> None:
    """A run in which something broke says so of itself."""
    [invocation] = run_of(samples.read())["invocations"]
    assert not invocation["executionSuccessful"]
    assert [n["level"] for n in invocation["toolExecutionNotifications"]] == ["error", "warning"]
    assert run_of(samples.full())["invocations"][0]["executionSuccessful"]


def test_cells_of_a_notebook_are_told_and_not_edited() -> None:
    """Their lines are not those of the file: no region is given, and an edit would break it."""
    span = Span("a.ipynb", 1, 1, 1, 4, cell=2)
    fix = Fix("mend it", (Edit(span, "x"),), safe=True)
    sighting = Sighting("source", Place(span), "so", fix=fix)
    report = Report("a.ipynb", (Finding("missing-eval", "mode", "warning", (sighting,)),))
    [result] = run_of(report)["results"]
    assert (result["properties"]["cell"], result["properties"]["line"]) == (2, 1)
    assert result["message"]["text"] == "cell 2, line 1: so"
    assert "region" not in result["locations"][0]["physicalLocation"]
    assert "fixes" not in result
    plain = replace(span, cell=None)
    sighting = replace(sighting, place=Place(plain), fix=replace(fix, edits=(Edit(plain, "x"),)))
    report = Report("a.py", (Finding("missing-eval", "mode", "warning", (sighting,)),))
    assert len(run_of(report)["results"][0]["fixes"]) == 1


def test_paths_are_uris(tmp_path: Path) -> None:
    """Relative ones from the root of the sources, absolute ones as files."""
    for path, artifact in (
        ("a b/ü%.py", {"uri": "a%20b/%C3%BC%25.py", "uriBaseId": "%SRCROOT%"}),
        ("bad\udcff\n.py", {"uri": "bad%FF%0A.py", "uriBaseId": "%SRCROOT%"}),
        (str(tmp_path / "x.py"), {"uri": (tmp_path / "x.py").as_uri()}),
    ):
        sighting = Sighting("source", Place(Span(path, 1, 1, 1, 2)), "so")
        report = Report(path, (Finding("missing-eval", "mode", "warning", (sighting,)),))
        [location] = run_of(report)["results"][0]["locations"]
        assert location["physicalLocation"]["artifactLocation"] == artifact


def test_the_text_can_be_encoded() -> None:
    """A file name that is no UTF-8 stands in a message as JSON escapes it."""
    sighting = Sighting("source", Place(Span("bad\udcff.py", 1, 1, 1, 2)), "so")
    report = Report("bad\udcff.py", (Finding("missing-eval", "mode", "warning", (sighting,)),))
    text = render(report, "sarif").encode()
    assert json.loads(text)["runs"][0]["properties"]["target"] == "bad\udcff.py"


def test_what_has_no_line_is_shown_at_its_file() -> None:
    """Code scanning drops results without a file."""
    sighting = Sighting("graph", Place(module="net.bn"), "so")
    report = Report("net.py:Net", (Finding("missing-eval", "mode", "warning", (sighting,)),))
    [location] = run_of(report)["results"][0]["locations"]
    assert location["physicalLocation"] == {"artifactLocation": {"uri": "net.py", "uriBaseId": "%SRCROOT%"}}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "net.bn", "kind": "module"}]
