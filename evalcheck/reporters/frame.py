"""A finding's line of code with its neighbours and a marker under the span."""

from __future__ import annotations

import os
from functools import lru_cache

from rich.cells import cell_len
from rich.text import Text

from evalcheck.finding import Span
from evalcheck.source import notebook, reading
from evalcheck.source.lines import LINE_END


def frame(span: Span, width: int) -> list[Text]:
    """The lines around a span, numbered; its own line alone where the file is not the one that was read."""
    lines = _lines(span)
    at = span.line - 1
    if at >= len(lines) or (span.text and lines[at].strip() != span.text):
        return _alone(span, width)
    first, last = max(1, span.line - 1), min(len(lines), span.line + 1)
    gutter = len(str(last))
    cut = _cut(lines[at].replace("\t", " "), span, width - gutter - 5)
    shown = []
    for number in range(first, last + 1):
        code = lines[number - 1].replace("\t", " ")
        if number != span.line and not code.strip():
            continue
        seen = f"…{code[cut + 1 :]}" if cut and len(code) > cut else code[cut:]
        shown.append(_row(f"{number:>{gutter}}", seen, width, "" if number == span.line else "dim"))
        if number == span.line:
            end = span.end_column if span.end_line == span.line else len(code) + 1
            marked = code[span.column - 1 : end - 1]
            before, marks = " " * cell_len(code[cut : span.column - 1]), "^" * max(1, cell_len(marked))
            under = Text.assemble((f"{'':>{gutter}} │ ", "dim"), before, (marks, "bold red"))
            under.truncate(width - 2)
            shown.append(under)
    return shown


def _cut(code: str, span: Span, room: int) -> int:
    """How much of the left is left out, so that what is marked is seen: none where it fits."""
    start, end = span.column - 1, span.end_column - 1 if span.end_line == span.line else span.column
    if cell_len(code[:end]) <= room or start < room // 2:
        return 0
    return max(0, start - room // 3)


def _alone(span: Span, width: int) -> list[Text]:
    return [_row(str(span.line), span.text.replace("\t", " "), width, "")] if span.text else []


def _row(number: str, code: str, width: int, style: str) -> Text:
    row = Text.assemble((f"{number} │ ", "dim"), (code, style))
    row.truncate(width - 2, overflow="ellipsis")
    return row


def _lines(span: Span) -> list[str]:
    """The lines of the file, or of the notebook's cell; none where it cannot be read."""
    try:
        state = os.stat(span.path)
        return _read(span.path, span.cell, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError, reading.Unreadable):
        return []


@lru_cache(maxsize=4)
def _read(path: str, cell: int | None, changed: int, size: int) -> list[str]:
    """Findings come sorted: the next one is often in the same file."""
    data = reading.load(path, path)
    if cell is not None:
        return notebook.lines_of_cell(data, path, cell)
    return LINE_END.split(reading.decode(data, path).removeprefix("\ufeff"))
