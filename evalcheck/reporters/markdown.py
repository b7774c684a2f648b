"""For a pull request's comment: the terminal's report in GitHub's Markdown, findings folded."""

from __future__ import annotations

from collections.abc import Iterator

from evalcheck.finding import Finding, Report, Table
from evalcheck.reporters import closing, detail, figures, treatment
from evalcheck.reporters.answer import answer, diverges
from evalcheck.reporters.escaping import code, fenced, html, inline, prose
from evalcheck.reporters.frame import frame
from evalcheck.reporters.grid import bar
from evalcheck.reporters.numbers import counted, first_sentence, share, upper
from evalcheck.reporters.sheet import Share, Sheet
from evalcheck.reporters.words import Glossary

# GitHub takes 65,536 characters; what is said of a cut takes some of them.
MOST, SPARE = 65_536, 400
FRAME, BAR = 110, 10
MARKS = {"error": "🔴", "warning": "🟡", "note": "🔵"}


def render(report: Report, *, color: bool, width: int, quiet: bool, verbose: bool) -> str:
    """The report as one comment, never longer than GitHub takes."""
    kept: list[str] = []
    room, left = MOST - SPARE, 0
    for block in _blocks(report, quiet, verbose):
        size = len(block.encode("utf-16-le", "replace")) // 2 + 2
        if size > room:
            left += 1
            continue
        kept.append(block)
        room -= size
    if left:
        kept.append(
            f"**{counted(left, 'part')} left out**, because GitHub takes no longer comment: "
            "run evalcheck for the whole."
        )
    return "\n\n".join(kept) + "\n"


def _blocks(report: Report, quiet: bool, verbose: bool) -> Iterator[str]:
    """Pieces that stand each for itself: nothing that one opens is closed by another."""
    glossary = Glossary(report.measurements is not None and not quiet)
    yield f"### evalcheck: {code(report.target)}"
    lines = answer(report)
    yield f"**{inline(lines[0][1])}**"
    if len(lines) > 1:
        yield "\n".join(f"- **{label}:** {prose(sentence)}" for label, sentence in lines[1:])
    yield from map(_aside, glossary.explain(*(sentence for _, sentence in lines)))
    if report.measurements is not None and not quiet:
        for figure in figures.of(report.measurements, diverges(report), verbose):
            yield inline(figure) if isinstance(figure, str) else _sheet(figure)
            glossary.explain(*(() if isinstance(figure, str) else figure.asides))
    short = {} if quiet else detail.in_short(report, verbose)
    for place, finding in detail.ordered(report, short):
        if quiet or place in short:
            bullet = "- " if quiet else ""
            yield f"{bullet}{_headline(finding, inline(short.get(place, first_sentence(finding.message))))}"
        else:
            yield "\n".join(_finding(finding, report, verbose, glossary))
    if not quiet:
        yield from _tried(report)
        yield from _closing(report, verbose)


def _headline(finding: Finding, said: str) -> str:
    """``said`` is escaped already, for where it will stand."""
    return f"{MARKS[finding.severity]} <b>{finding.severity}</b> {code(finding.rule)}: {said}"


def _finding(finding: Finding, report: Report, verbose: bool, glossary: Glossary) -> Iterator[str]:
    told = detail.of_finding(finding, report, verbose)
    opened = " open" if finding.severity == "error" else ""
    yield f"<details{opened}><summary>{_headline(finding, html(finding.message))}</summary>\n"
    yield f"{inline(told.where)}\n"
    if finding.place.span:
        rows = frame(finding.place.span, FRAME)
        if rows:
            yield fenced([row.plain for row in rows]) + "\n"
    if told.evidence:
        yield "\n".join(f"- {inline(line)}" for line in told.evidence) + "\n"
    yield from (f"{_table(table)}\n" for table in told.tables)
    explained = glossary.explain(finding.message, *told.evidence, told.advice)
    yield from (f"{_aside(line)}\n" for line in explained)
    if told.treated:
        yield f"{inline(upper(told.treated))}.\n"
    if told.advice:
        yield f"**Do:** {prose(told.advice)}\n"
    yield "</details>"


def _sheet(sheet: Sheet) -> str:
    shares = [any(isinstance(row[place], Share) for row in sheet.rows) for place in range(len(sheet.headers))]
    aligned = ["---", *(":---" if is_share else "---:" for is_share in shares[1:])]
    rows = [sheet.headers, *sheet.rows]
    lines = [_row([inline(str(cell)) for cell in rows[0]]), _row(aligned)]
    lines += [_row([code(str(row[0])), *map(_cell, row[1:])]) for row in sheet.rows]
    told = [*([sheet.more] if sheet.more else []), *sheet.asides]
    return "\n".join(
        [*lines, *(["", _aside(" ".join(f"{line.rstrip('.')}." for line in told))] if told else [])]
    )


def _cell(cell: str | Share) -> str:
    if isinstance(cell, str):
        return inline(cell)
    return "" if cell.value is None else f"{share(cell.value)} {bar(cell.value, BAR)}".rstrip()


def _table(table: Table) -> str:
    lines = [f"{inline(table.caption)}\n", _row([inline(header) for header in table.headers])]
    lines.append(_row(["---"] * len(table.headers)))
    return "\n".join([*lines, *(_row([inline(cell) for cell in row]) for row in table.rows)])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _tried(report: Report) -> Iterator[str]:
    tried, untried = treatment.tried(report), treatment.untried(report)
    if tried:
        rows = [
            _row([f"**{one.verdict}**", inline(one.title), inline(one.did), inline(_costs(one))])
            for one in tried
        ]
        head = [_row(["", "remedy", "before → after", "and besides"]), _row(["---"] * 4)]
        yield f"**Tried** {inline(treatment.JUDGED)}\n\n" + "\n".join([*head, *rows])
    if untried:
        listed = "\n".join(f"- {inline(line)}" for line in untried)
        yield f"**Not tried** {inline(treatment.why_untried(untried))}\n\n{listed}"


def _costs(one: treatment.Treatment) -> str:
    return "; ".join([*([one.note] if one.note else []), *([f"price: {one.price}"] if one.price else [])])


def _closing(report: Report, verbose: bool) -> Iterator[str]:
    heading, reasons = closing.gaps(report, verbose)
    if heading:
        told = [f"{reason}: {rules}" for reason, rules in reasons]
        yield _folded(heading, told) if told else inline(heading)
    lines = closing.ran(report)
    if lines:
        yield _folded("Run", lines)


def _folded(title: str, lines: list[str]) -> str:
    listed = "\n".join(f"- {prose(line)}" for line in lines)
    return f"<details><summary>{html(title)}</summary>\n\n{listed}\n\n</details>"


def _aside(told: str) -> str:
    return f"<sub>{inline(told)}</sub>"
