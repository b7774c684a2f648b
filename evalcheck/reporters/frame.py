"""A finding's line of code with its neighbours and a marker under the span."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from evalcheck.finding import Span


def frame(span: Span, width: int) -> list[Text]:
    """The lines around a span, numbered; empty where the file cannot be read."""
    try:
        lines = Path(span.path).read_text("utf8", errors="replace").split("\n")
    except OSError:
        return []
    if span.line > len(lines):
        return []
    first, last = max(1, span.line - 1), min(len(lines), span.line + 1)
    gutter = len(str(last))
    shown = []
    for number in range(first, last + 1):
        code = lines[number - 1].rstrip("\r").replace("\t", " ")
        if number != span.line and not code.strip():
            continue
        row = Text.assemble((f"{number:>{gutter}} │ ", "dim"), (code, "" if number == span.line else "dim"))
        row.truncate(width - 2, overflow="ellipsis")
        shown.append(row)
        if number == span.line:
            end = span.end_column if span.end_line == span.line else len(code) + 1
            marks = "^" * max(1, min(end, len(code) + 1) - span.column)
            under = Text.assemble((f"{'':>{gutter}} │ ", "dim"), " " * (span.column - 1), (marks, "bold red"))
            under.truncate(width - 2)
            shown.append(under)
    return shown
