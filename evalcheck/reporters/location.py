"""How a place in a file is written for people: ``net.py:4:5``, ``train.ipynb:cell 3:4:5``."""

from __future__ import annotations

import re

from evalcheck.finding import Span

# What would end a line, steer a terminal or be refused by an encoding: file names may hold any of it.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def written(span: Span, *, column: bool = True) -> str:
    """Path, cell where there is one, line, and the column if asked."""
    cell = f"cell {span.cell}:" if span.cell is not None else ""
    return f"{legible(span.path)}:{cell}{span.line}" + (f":{span.column}" if column else "")


def in_cell(span: Span) -> str:
    """``cell 3, line 2: ``, for formats that know no cells; nothing in a file of plain lines."""
    return f"cell {span.cell}, line {span.line}: " if span.cell is not None else ""


def legible(text: str) -> str:
    """A file name on one line, in signs that every encoding of Unicode has."""
    return _UNFIT.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)
