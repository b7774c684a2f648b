"""Local variables that a forward keeps on its module: ``self.h = h``, ``self.hidden = (h.detach(), c)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.file import SourceFile
from evalcheck.source.values import within

_SAME = ("detach", "clone", "contiguous")


@dataclass(frozen=True)
class Made:
    """An assignment that made a local variable which was kept: what it may be, and whether it is returned.

    ``returned`` also where another target of the same assignment is: ``out, h = self.lstm(x, self.h)``.
    """

    choices: tuple[ast.expr, ...]
    returned: bool


def locals_kept(file: SourceFile, store: ast.Assign) -> Iterator[Made]:
    """The assignments, in the same function and before it, of what is kept by ``store``."""
    names = set(_names(store.value))
    function = next((f for f in file.ancestors(store) if isinstance(f, ast.FunctionDef)), None)
    if not names or function is None:
        return
    returned = {
        n.id
        for statement in ast.walk(function)
        if isinstance(statement, ast.Return) and statement.value is not None
        for n in within(statement.value)
        if isinstance(n, ast.Name)
    }
    for made in ast.walk(function):
        if isinstance(made, ast.Assign) and made is not store and made.lineno < store.lineno:
            targets = {n.id for t in made.targets for n in within(t) if isinstance(n, ast.Name)} - {"self"}
            if targets & names:
                yield Made(tuple(_choices(made.value)), bool(targets & returned))


def _names(value: ast.expr) -> Iterator[str]:
    """The variables of which a value holds nothing but themselves, with or without their history."""
    if isinstance(value, ast.Name):
        yield value.id
    elif isinstance(value, ast.Tuple):
        for part in value.elts:
            yield from _names(part)
    elif isinstance(value, ast.Attribute) and value.attr == "data":
        yield from _names(value.value)
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _SAME:
        yield from _names(value.func.value)


def _choices(value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(value, ast.IfExp):
        yield from (value.body, value.orelse)
    else:
        yield value
