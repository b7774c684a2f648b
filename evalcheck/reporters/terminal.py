"""For people at a terminal: the answer first, then layers, findings, gaps, and what was run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from evalcheck.console import paper
from evalcheck.finding import Evidence, Finding, Measure, Quote, Remedy, Report, Table
from evalcheck.measurement import Conditions
from evalcheck.reporters import figures
from evalcheck.reporters.advice import cure_of
from evalcheck.reporters.answer import answer, diverges
from evalcheck.reporters.frame import frame
from evalcheck.reporters.location import written
from evalcheck.reporters.numbers import change, counted, joined

COLOURS = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
NAMED = 3


def render(report: Report, *, color: bool, width: int, quiet: bool, verbose: bool) -> str:
    """The whole report as text, with ANSI colours if asked."""
    console, file = paper(width=width, color=color)
    for part in parts(report, width, quiet=quiet, verbose=verbose):
        console.print(part)
    lines = [line.rstrip() for line in file.getvalue().split("\n")]
    return "\n".join(lines).strip("\n") + "\n"


def parts(
    report: Report, width: int, *, quiet: bool = False, verbose: bool = False
) -> Iterator[RenderableType]:
    """The pieces of the report in order, for any rich console."""
    yield Text(report.target, style="bold")
    yield ""
    for label, sentence in answer(report):
        yield Text.assemble((f"{label}: ", "bold") if label else "", sentence)
    measured = report.measurements
    if measured is not None and not quiet:
        yield from figures.of(measured, diverges(report), verbose)
    for finding in report.findings:
        yield ""
        yield from [_headline(finding)] if quiet else _finding(finding, width, verbose)
    if not quiet:
        yield from _closing(report, verbose)


def _headline(finding: Finding) -> Text:
    place = finding.place
    where = f"{written(place.span, column=False)} " if place.span else ""
    return Text.assemble(
        where, (finding.severity, COLOURS[finding.severity]), f" {finding.rule}: {finding.message}"
    )


def _finding(finding: Finding, width: int, verbose: bool) -> Iterator[RenderableType]:
    yield Text.assemble(
        (finding.severity, COLOURS[finding.severity]), (f" {finding.rule}", "bold"), f": {finding.message}"
    )
    inner: list[RenderableType] = [_where(finding)]
    if finding.place.span:
        inner += frame(finding.place.span, width)
    for evidence in _said_once(finding):
        inner += _evidence(evidence, verbose)
    for remedy in finding.remedies:
        inner.append(_remedy(remedy))
    if finding.severity != "note":
        inner.append(Text.assemble(("do: ", "bold green"), cure_of(finding.rule)))
    yield Padding(Group(*inner), (0, 0, 0, 2))


def _said_once(finding: Finding) -> list[Evidence]:
    """The evidence without quotes of the line that is shown already, and with one quote per line."""
    kept: dict[object, Evidence] = {}
    for evidence in finding.evidence:
        span = evidence.place.span if isinstance(evidence, Quote) else None
        if isinstance(evidence, Quote) and span is not None:
            if finding.place.span is not None and finding.place.span.touches(span):
                continue
            before = kept.get((span.path, span.cell, span.line))
            roles = [*(before.role.split(", ") if isinstance(before, Quote) else ()), evidence.role]
            role = ", ".join(dict.fromkeys(roles))
            kept[span.path, span.cell, span.line] = Quote(evidence.place, role)
        else:
            kept[evidence] = evidence
    return list(kept.values())


def _where(finding: Finding) -> Text:
    place, certainty = finding.place, finding.certainty
    where = [written(place.span)] if place.span else []
    if place.module:
        # A loader has parts too, and these are no modules.
        at_place = [s for s in finding.sightings if s.place.module == place.module]
        of_loader = any(sighting.layer == "loader" for sighting in at_place)
        where.append(_part(place.module) if of_loader else f"module {place.module}")
    return Text(f"{certainty} at {', '.join(where)}" if where else certainty, style="dim")


def _part(name: str) -> str:
    """``loader`` and ``train_loader`` as they are called among people, a part of one as it is written."""
    whole = {"loader": "the evaluation loader", "train_loader": "the training loader"}
    return whole.get(name, f"{name} of the loader")


def _evidence(evidence: Quote | Measure | Table, verbose: bool) -> list[RenderableType]:
    if isinstance(evidence, Quote):
        span = evidence.place.span
        where = f"{written(span, column=False)}: {span.text}" if span else evidence.place.module or ""
        return [Text(f"{evidence.role}: {where}")]
    if isinstance(evidence, Measure):
        return [_measure(evidence)]
    if not verbose:
        return []
    grid = RichTable(
        title=evidence.caption, title_justify="left", box=None, padding=(0, 2, 0, 0), title_style=""
    )
    for header in evidence.headers:
        grid.add_column(header, style="dim", header_style="dim")
    for row in evidence.rows:
        grid.add_row(*row)
    return [grid]


def _measure(measure: Measure) -> Text:
    told = f"{measure.what}: {measure.value:.3g}"
    told += f" {measure.unit}" if measure.unit else ""
    extra = []
    if measure.interval:
        extra.append(f"95 % interval {measure.interval[0]:.3g} to {measure.interval[1]:.3g}")
    if measure.limit is not None:
        extra.append(f"limit {measure.limit:.3g}")
    return Text(told + (f" ({', '.join(extra)})" if extra else ""))


def _remedy(remedy: Remedy) -> Text:
    mark, style = {"proved": ("cures", "green"), "failed": ("does not cure", "red")}.get(
        remedy.status, ("untried", "dim")
    )
    told = f" {remedy.title}"
    if remedy.before is not None and remedy.after is not None:
        told += f": {remedy.measure} {change(remedy.measure, remedy.before, remedy.after)}"
    return Text.assemble(
        ("tried, ", "bold"), (mark, style), f":{told}" + (f", {remedy.detail}" if remedy.detail else "")
    )


def _closing(report: Report, verbose: bool) -> Iterator[RenderableType]:
    if report.measurements and report.measurements.divergence and not report.gaps:
        yield ""
        yield Text.assemble(("Not asked", "bold"), ": nothing; every rule had what it needs.")
    if report.gaps:
        yield ""
        by_reason: dict[str, list[str]] = defaultdict(list)
        for gap in report.gaps:
            by_reason[gap.reason].append(f"{gap.rule} ({gap.layer})")
        cut = not verbose and max(map(len, by_reason.values())) > NAMED
        yield Text.assemble(("Not asked", "bold"), " (-v names every rule)" if cut else "")
        for reason, rules in by_reason.items():
            limit = len(rules) if verbose else NAMED
            yield Padding(Text(f"{reason}: {joined(rules, limit)}"), (0, 0, 0, 2))
    conditions = report.measurements.conditions if report.measurements else None
    if conditions or report.notes:
        yield ""
        yield Text("Run", style="bold")
        for note in report.notes:
            yield Padding(Text(note), (0, 0, 0, 2))
        if conditions:
            yield Padding(Text(_ran(conditions)), (0, 0, 0, 2))


def _ran(conditions: Conditions) -> str:
    train = f", {conditions.train_loader}" if conditions.train_loader else ""
    samples = counted(conditions.samples, "sample")
    return (
        f"{samples} of {conditions.loader}{train} in batches of {conditions.batch_size}, "
        f"{conditions.passes} train passes, seed {conditions.seed}, {conditions.device}: the work of "
        f"{conditions.forwards:.0f} forward passes, {conditions.seconds:.1f} s"
    )
