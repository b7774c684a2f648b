"""Workflow commands of GitHub Actions: each finding becomes an annotation of its line."""

from __future__ import annotations

from evalcheck.finding import Finding, Report
from evalcheck.reporters import treatment
from evalcheck.reporters.advice import cure_of
from evalcheck.reporters.location import in_cell
from evalcheck.reporters.numbers import upper

LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report, *, color: bool, width: int, quiet: bool, verbose: bool) -> str:
    """A command per finding; the gaps too if ``verbose``."""
    lines = [_command(report, finding) for finding in report.findings]
    if verbose:
        lines += [
            _written("notice", {"title": gap.rule}, f"{report.target}: not asked ({gap.layer}): {gap.reason}")
            for gap in report.gaps
        ]
    return "".join(f"{line}\n" for line in lines)


def _command(report: Report, finding: Finding) -> str:
    place = finding.place
    span = place.span
    where: dict[str, str] = {}
    lead = "" if span else f"{report.target}: "
    if span is not None:
        where["file"] = span.path
        if span.cell is not None:  # its lines are not those of the file
            lead = in_cell(span)
        else:
            where |= {"line": str(span.line), "endLine": str(span.end_line)}
            if span.line == span.end_line:
                where |= {"col": str(span.column), "endColumn": str(span.end_column)}
    if place.module and place.module not in finding.message:
        lead += f"{place.module}: "
    where["title"] = finding.rule
    told = [f"{lead}{finding.message}", cure_of(finding.rule)]
    treated = treatment.of_finding(finding, report)
    told += [f"{upper(treated)}."] if treated else []
    return _written(LEVELS[finding.severity], where, "\n".join(told))


def _written(command: str, properties: dict[str, str], message: str) -> str:
    said = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{command} {said}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
