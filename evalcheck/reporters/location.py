"""How a place in a file is written for people: ``net.py:4:5``, ``train.ipynb:cell 3:4:5``."""

from __future__ import annotations

from evalcheck.finding import Span


def written(span: Span, *, column: bool = True) -> str:
    """Path, cell where there is one, line, and the column if asked."""
    cell = f"cell {span.cell}:" if span.cell is not None else ""
    return f"{span.path}:{cell}{span.line}" + (f":{span.column}" if column else "")
