"""Small changes to the text of a file, as fixes that keep it valid."""

from __future__ import annotations

import ast

from evalcheck.finding import Edit, Fix, Span
from evalcheck.source.file import SourceFile


def insertion(file: SourceFile, line: int, offset: int) -> Span:
    """The empty span at a position of the parser."""
    return file.lines.span(line, offset, line, offset)


def add_argument(file: SourceFile, call: ast.Call, text: str, title: str) -> Fix | None:
    """One more keyword argument at the end of a call that has arguments."""
    last = max((*call.args, *(k.value for k in call.keywords)), key=_end, default=None)
    if last is None or call.end_lineno is None or call.end_col_offset is None:
        return None
    between = file.lines.between(*_end(last), call.end_lineno, call.end_col_offset - 1)
    if ")" not in between:
        return Fix(title, (Edit(insertion(file, *_end(last)), f", {text}"),), safe=True)
    if "\n" in between or "#" in between:
        return None  # parentheses and comments behind the last argument: leave it to people
    joint = " " if between.rstrip().endswith(",") else ", "
    return Fix(
        title,
        (Edit(insertion(file, call.end_lineno, call.end_col_offset - 1), f"{joint}{text}"),),
        safe=True,
    )


def append(file: SourceFile, node: ast.expr, text: str, title: str) -> Fix:
    """Text right behind an expression."""
    return Fix(title, (Edit(insertion(file, *_end(node)), text),), safe=True)


def _end(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "end_lineno", None) or 1, getattr(node, "end_col_offset", None) or 0
