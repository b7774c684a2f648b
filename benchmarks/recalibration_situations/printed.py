"""The tables, at most 100 columns wide."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Iterable, Sequence

from recalibration_situations.comparing import BEFORE, EQUAL_ERROR, EQUAL_LOSS, Row
from recalibration_situations.tools import IN_PARTS, OURS

WIDTH = 100


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """The first column to the left, the others to the right."""
    lines = [tuple(head), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    print(f"\n{title}")
    for index, line in enumerate(lines):
        cells = [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        print("  " + "  ".join(cells).rstrip())
        if index == 0:
            print("  " + "-" * (sum(widths) + 2 * len(widths) - 2))


def situations(rows: Sequence[Row]) -> None:
    print("\nSituations")
    width = max(len(row.situation.name) for row in rows)
    for row in rows:
        print(f"  {row.situation.name:<{width}}  {row.situation.told}")


def errors(rows: Sequence[Row], tools: Sequence[str]) -> None:
    def cell(row: Row, tool: str) -> str:
        if row.raised(tool):
            return "refuses" if tool in (OURS, IN_PARTS) else "raises"
        return f"{row.mean(tool, 'error'):.2f}"

    table(
        "Error of the statistics, in % of a standard deviation (0: those that eval mode should have)",
        ["", BEFORE, *tools, "verdict"],
        (
            [
                row.situation.name,
                *(cell(row, tool) for tool in (BEFORE, *tools)),
                row.verdict("error", EQUAL_ERROR),
            ]
            for row in rows
        ),
    )


def losses(rows: Sequence[Row], tools: Sequence[str]) -> None:
    def cell(row: Row, tool: str) -> str:
        done = row.done[tool]
        if not all(one.runs for one in done):
            return "broken"
        loss, accuracy = (
            statistics.mean(getattr(one, what) for one in done) for what in ("loss", "accuracy")
        )
        return f"{'! ' if row.raised(tool) and tool != OURS else ''}{loss:.3f} {accuracy:.1f}"

    tools = [tool for tool in tools if tool != IN_PARTS]
    table(
        "Loss (cross entropy) and accuracy in % on test images, with which the model is left",
        ["", BEFORE, *tools, "verdict"],
        (
            [
                row.situation.name,
                *(cell(row, tool) for tool in (BEFORE, *tools)),
                row.verdict("loss", EQUAL_LOSS),
            ]
            for row in rows
        ),
    )
    print("  ! raised, and left the model so.  broken: later forwards raise, too.")


def left(rows: Sequence[Row], tools: Sequence[str]) -> None:
    """By tool, what is left behind, the situations in which it is, and what the tool said."""
    print("\nLeft behind in the model and in the process, besides the statistics")
    for tool in tools:
        if tool == IN_PARTS:
            continue
        print(f"  {tool}")
        groups: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            worst = max(row.done[tool], key=lambda done: len(done.left))
            parts = list(worst.left)
            if worst.words and worst.moved:
                parts.append("statistics half done")
            if not worst.runs:
                parts.append("a model whose forwards raise")
            groups.setdefault((", ".join(parts) or "nothing", worst.words), []).append(row.situation.name)
        for (parts_told, words), names in groups.items():
            where = f"{len(names)} situations" if len(names) > 3 else ", ".join(names)
            _wrapped(f"{where}: {parts_told}", 4)
            if words:
                _wrapped(words, 6)


def costs(rows: Sequence[Row], tools: Sequence[str]) -> None:
    def cell(row: Row, tool: str) -> str:
        return "-" if row.raised(tool) else f"{statistics.median(d.cost for d in row.done[tool]):.1f}"

    table(
        "CPU time, in plain eval passes over the same loader (median of the seeds)",
        ["", *tools],
        ([row.situation.name, *(cell(row, tool) for tool in tools)] for row in rows),
    )


def _wrapped(text: str, indent: int) -> None:
    margin = " " * indent
    print(textwrap.fill(text, WIDTH, initial_indent=margin, subsequent_indent=margin + "  "))
