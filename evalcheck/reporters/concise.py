"""One line per finding: path, line and column where they are known, severity, rule, message."""

from __future__ import annotations

from evalcheck.finding import Finding, Report
from evalcheck.reporters.location import legible, written


def render(report: Report, *, color: bool, width: int, quiet: bool, verbose: bool) -> str:
    """The findings, a line each; the gaps too if ``verbose``."""
    lines = [_line(report, finding) for finding in report.findings]
    if verbose:
        target = legible(report.target)
        lines += [f"{target}: not asked {gap.rule} ({gap.layer}): {gap.reason}" for gap in report.gaps]
    return "".join(f"{line}\n" for line in lines)


def _line(report: Report, finding: Finding) -> str:
    place = finding.place
    where = written(place.span) if place.span else legible(report.target)
    named = place.module and place.module not in finding.message
    module = f" {place.module}:" if named else ""
    return f"{where}: {finding.severity} {finding.rule}:{module} {finding.message}"
