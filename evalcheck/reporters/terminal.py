"""For people at a terminal: the answer first, then layers, findings, remedies, gaps, and what was run."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from evalcheck.console import paper
from evalcheck.finding import Finding, Report, Table
from evalcheck.reporters import closing, detail, figures, grid, treatment
from evalcheck.reporters.answer import RANDOM, answer, diverges, is_good
from evalcheck.reporters.frame import frame
from evalcheck.reporters.location import written
from evalcheck.reporters.numbers import first_sentence
from evalcheck.reporters.words import Glossary

COLOURS = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
VERDICTS = {
    "cures": "bold green",
    "helps": "yellow",
    "no cure": "yellow",
    "does nothing": "dim",
    "makes it worse": "red",
}


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
    glossary = Glossary(report.measurements is not None and not quiet)
    yield Text(report.target, style="bold")
    yield ""
    yield from _answer(report, glossary)
    if report.measurements is not None and not quiet:
        yield from _figures(report, width, verbose, glossary)
    short = detail.in_short(report, verbose)
    if quiet:
        yield ""
        yield from (_headline(one) for place, one in enumerate(report.findings) if place not in short)
        return
    for place, finding in detail.ordered(report, short):
        if place in short:
            yield from ("", _named(finding, short[place]))
        else:
            yield from ("", *_finding(finding, report, width, verbose, glossary))
    yield from _tried(report)
    yield from _closing(report, verbose)


def _answer(report: Report, glossary: Glossary) -> Iterator[RenderableType]:
    (_, verdict), *rest = answer(report)
    bad = diverges(report) or verdict.startswith(RANDOM)
    style = "bold red" if bad else "bold green" if is_good(report) else "bold"
    yield Text(verdict, style=style if report.measurements else "")
    lines = Grid.grid(padding=(0, 1, 0, 0))
    lines.add_column(no_wrap=True)
    lines.add_column()
    proved = bool(report.measurements) and any(one.verdict == "cures" for one in treatment.tried(report))
    for label, sentence in rest:
        style = "bold green" if proved and label == "Cure" else "bold"
        lines.add_row(Text(f"{label}:", style=style), Text(sentence))
    if rest:
        yield lines
    explained = glossary.explain(verdict, *(sentence for _, sentence in rest))
    if explained:
        yield ""
    yield from map(_aside, explained)


def _figures(report: Report, width: int, verbose: bool, glossary: Glossary) -> Iterator[RenderableType]:
    assert report.measurements is not None
    for figure in figures.of(report.measurements, diverges(report), verbose):
        yield ""
        if isinstance(figure, str):
            yield Text(figure)
            continue
        yield from grid.drawn(figure, width, verbose)
        # A line below a table explains its words itself.
        glossary.explain(*figure.asides)


def _headline(finding: Finding) -> Text:
    place = finding.place
    where = f"{written(place.span, column=False)} " if place.span else ""
    return Text.assemble(
        where,
        (finding.severity, COLOURS[finding.severity]),
        f" {finding.rule}: {first_sentence(finding.message)}",
    )


def _named(finding: Finding, message: str) -> Text:
    colour = COLOURS[finding.severity]
    return Text.assemble((finding.severity, colour), (f" {finding.rule}", "bold"), f": {message}")


def _finding(
    finding: Finding, report: Report, width: int, verbose: bool, glossary: Glossary
) -> Iterator[RenderableType]:
    yield _named(finding, finding.message)
    told = detail.of_finding(finding, report, verbose)
    inner: list[RenderableType] = [Text(told.where, style="dim")]
    if finding.place.span:
        inner += frame(finding.place.span, width)
    inner += [Text(line) for line in told.evidence]
    for table in told.tables:
        inner += [Text(table.caption), _table(table)]
    inner += map(_aside, glossary.explain(finding.message, *told.evidence, told.advice))
    if told.treated:
        inner.append(Text(told.treated, style="green" if told.treated.startswith("cured") else ""))
    if told.advice:
        inner.append(Text.assemble(("do: ", "bold green"), told.advice))
    yield Padding(Group(*inner), (0, 0, 0, 2))


def _table(table: Table) -> RenderableType:
    drawn = Grid(box=None, padding=(0, 2, 0, 0))
    for header in table.headers:
        drawn.add_column(header, style="dim", header_style="dim")
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    return drawn


def _tried(report: Report) -> Iterator[RenderableType]:
    tried, untried = treatment.tried(report), treatment.untried(report)
    if tried:
        yield from ("", Text.assemble(("Tried", "bold"), f" {treatment.JUDGED}"))
        rows = Grid.grid(padding=(0, 2, 0, 0))
        rows.add_column(no_wrap=True)
        rows.add_column()
        for one in tried:
            lines = [Text(one.title), Text(one.did, style="bold" if one.verdict == "cures" else "")]
            lines += [Text(one.note)] if one.note else []
            lines += [Text(f"price: {one.price}")] if one.price else []
            rows.add_row(Text(one.verdict, style=VERDICTS[one.verdict]), Group(*lines))
        yield Padding(rows, (0, 0, 0, 2))
    if untried:
        yield from ("", Text.assemble(("Not tried", "bold"), f" {treatment.why_untried(untried)}"))
        yield from (Padding(Text(line), (0, 0, 0, 2)) for line in untried)


def _closing(report: Report, verbose: bool) -> Iterator[RenderableType]:
    heading, reasons = closing.gaps(report, verbose)
    if heading:
        title = "Not asked" if reasons else ""
        rest = heading.removeprefix(title)
        yield from ("", Text.assemble((title, "bold"), rest))
        for reason, rules in reasons:
            yield Padding(Group(Text(reason), Padding(Text(rules, style="dim"), (0, 0, 0, 2))), (0, 0, 0, 2))
    lines = closing.ran(report)
    if lines:
        yield from ("", Text("Run", style="bold"))
        yield from (Padding(Text(line), (0, 0, 0, 2)) for line in lines)


def _aside(told: str) -> Text:
    return Text(told, style="dim")
