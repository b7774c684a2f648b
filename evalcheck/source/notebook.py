"""Notebooks: their code cells as one text of Python, with the way back to cell and line.

A cell is read as it is; only where that is not Python, its magics are left out; only where that does
not help, the cell is passed by. In the file only the sources that change are written anew.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace

from evalcheck.finding import Span
from evalcheck.source import magics
from evalcheck.source.file import SourceFile
from evalcheck.source.lines import LINE_END, Lines
from evalcheck.source.literals import Literal, rewritten, string_values
from evalcheck.source.reading import Unreadable

_BOM = "\ufeff"
# Kernels of other languages, where their name is all that is said.
_OTHERS = re.compile(r"ir$|julia|xcpp|bash|javascript|i?java|scala|i?ruby|octave|matlab|sos|rust|go", re.I)


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell: its number from one, its text, and the Python in it, line for line (None: unreadable)."""

    number: int
    source: str
    code: str | None
    literal: Literal


@dataclass(frozen=True, slots=True)
class Notebook:
    """The text of an ``.ipynb`` and its code cells; ``skipped`` says a line for each that is no Python."""

    raw: str
    cells: tuple[Cell, ...]
    skipped: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All cells that can be read, as one text of Python."""
        return "\n".join(cell.code for cell in self.cells if cell.code is not None)

    def with_sources(self, changed: Mapping[int, str]) -> bytes:
        """The notebook's bytes with other texts for some cells, and all else as it was."""
        raw = self.raw
        for cell in reversed(self.cells):
            if cell.number in changed:
                start, end = cell.literal.start, cell.literal.end
                raw = raw[:start] + rewritten(self.raw, cell.literal, changed[cell.number]) + raw[end:]
        return raw.encode("utf8")


class NotebookLines(Lines):
    """Lines of all cells together; spans say the cell, and the line within it."""

    def __init__(self, notebook: Notebook, path: str) -> None:
        super().__init__(notebook.text, path)
        self.skipped = notebook.skipped
        self._cells: list[int] = []
        self._starts: list[int] = []
        start = 1
        for cell in notebook.cells:
            if cell.code is not None:
                self._cells.append(cell.number)
                self._starts.append(start)
                start += cell.code.count("\n") + 1

    def stretch(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        """A span within one cell: no statement reaches over two."""
        span = super().stretch(line, column, end_line, end_column)
        place = bisect_right(self._starts, line) - 1
        if place < 0:
            return span
        before = self._starts[place] - 1
        return replace(span, line=line - before, end_line=end_line - before, cell=self._cells[place])

    def number(self, span: Span) -> int:
        """The parser's number of a span's first line."""
        if span.cell not in self._cells:
            return span.line
        return self._starts[self._cells.index(span.cell)] + span.line - 1


def open_notebook(data: bytes, path: str) -> SourceFile:
    """The cells of a notebook as one file. Raises :class:`Unreadable` if the bytes are no notebook.

    ``skipped_cells`` of the file says what could not be read of it.
    """
    book = read(data, path)
    file = SourceFile.from_text(book.text, path)
    file.lines = NotebookLines(book, path)
    return file


def skipped_cells(file: SourceFile) -> tuple[str, ...]:
    """A line for each cell of a notebook that could not be read."""
    return file.lines.skipped if isinstance(file.lines, NotebookLines) else ()


def read(data: bytes, path: str) -> Notebook:
    """The code cells of a notebook in Python; none of one in another language."""
    try:
        raw = data.decode("utf8")
        parsed = json.loads(raw.removeprefix(_BOM))
    except UnicodeDecodeError:
        raise Unreadable(f"{path}: not a notebook: not valid utf-8 text") from None
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(f"{path}: not a notebook: not valid JSON{where}") from None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("cells"), list):
        old = isinstance(parsed, dict) and "worksheets" in parsed
        why = "its format is older than 4; save it anew in Jupyter" if old else "it has no cells"
        raise Unreadable(f"{path}: not read as a notebook: {why}")
    if not _is_python(parsed.get("metadata")):
        return Notebook(raw, ())
    cells: list[Cell] = []
    skipped: list[str] = []
    number = 0
    for place, literal in enumerate(string_values(raw, "cells", "source")):
        given = parsed["cells"][place]
        if not isinstance(given, dict) or given.get("cell_type") != "code":
            continue
        number += 1
        if literal is None:
            continue
        code = code_of(literal.text)
        if code is None:
            skipped.append(f"{path}: cell {number} is not valid Python and was not read")
        elif magics.language_of(literal.text) is not None:
            code = None  # a cell of another language: nothing to say about it
        cells.append(Cell(number, literal.text, code, literal))
    return Notebook(raw, tuple(cells), tuple(skipped))


def code_of(source: str) -> str | None:
    """The Python of a cell, line for line; None where there is none that can be read."""
    text = LINE_END.sub("\n", source)
    if magics.parses(text):
        return text
    blanked = magics.left_out(text)
    return blanked if magics.parses(blanked) else None


def lines_of_cell(data: bytes, path: str, number: int) -> list[str]:
    """The lines of one code cell as its author sees them; none if there is no such cell."""
    found = next((cell.source for cell in read(data, path).cells if cell.number == number), None)
    return [] if found is None else LINE_END.split(found)


def _is_python(metadata: object) -> bool:
    """By what the notebook says of its language; one that says nothing is in Python."""
    data = metadata if isinstance(metadata, dict) else {}
    info, kernel = (data.get(key) for key in ("language_info", "kernelspec"))
    said = (info.get("name") if isinstance(info, dict) else None) or (
        kernel.get("language") if isinstance(kernel, dict) else None
    )
    if said:
        return re.match(r"i?py", str(said), re.I) is not None
    name = kernel.get("name") if isinstance(kernel, dict) else None
    return _OTHERS.match(str(name)) is None
