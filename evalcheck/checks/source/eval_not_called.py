"""``model.eval`` named, and not called."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.edits import append
from evalcheck.source.receivers import is_module

EFFECT = {
    "eval": "stays in the mode that it was in, usually train",
    "train": "does not go back to train mode",
}


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report a mode method that stands alone as a statement, without parentheses."""
    if not file.mentions(".eval", ".train"):
        return
    for statement in file.index.statements:
        named = statement.value
        if not isinstance(named, ast.Attribute) or named.attr not in EFFECT:
            continue
        if _only_looked_for(file, statement) or not is_module(file, named.value):
            continue
        at = named.value
        receiver = file.lines.between(at.lineno, at.col_offset, at.end_lineno or 1, at.end_col_offset or 0)
        yield Sighting(
            layer="source",
            place=file.place(named),
            message=(
                f"{receiver}.{named.attr} is named but not called, so nothing happens and the model "
                f"{EFFECT[named.attr]}: add the parentheses."
            ),
            fix=append(file, named, "()", "call it"),
        )


def _only_looked_for(file: SourceFile, statement: ast.Expr) -> bool:
    """``try: model.eval`` asks whether the attribute is there; ``with raises(...)`` likewise.

    A property of that name does its work when it is named.
    """
    parent = file.parent(statement)
    if isinstance(parent, ast.Try) and statement in parent.body and len(parent.body) == 1:
        return True
    if isinstance(parent, ast.With) and any("raises" in ast.dump(i.context_expr) for i in parent.items):
        return True
    named = statement.value
    return isinstance(named, ast.Attribute) and any(
        "property" in ast.dump(decorator)
        for one in file.classes
        for method in one.methods.values()
        if method.name == named.attr
        for decorator in method.decorator_list
    )
