"""In which mode a piece of a method runs, by the tests of ``self.training`` around it and before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.values import block_of, within

Side = Literal["train", "eval", "both", "unknown"]
_OPPOSITE: dict[Side, Side] = {"train": "eval", "eval": "train", "both": "both", "unknown": "unknown"}


def side(file: SourceFile, node: ast.AST) -> Side:
    """In which mode a node of a method runs, by tests of ``self.training`` around and before it."""
    child = node
    for parent in file.ancestors(node):
        if isinstance(parent, (ast.If, ast.IfExp)):
            found, exact = says(parent.test)
            if child is parent.test:
                if found != "both":
                    return "unknown"
            elif found != "both":
                body = parent.body if isinstance(parent.body, list) else [parent.body]
                if child in body:
                    return found
                return _OPPOSITE[found] if exact else "unknown"
        if isinstance(child, ast.stmt) and (left := _left(file, child)) != "both":
            return left
        if isinstance(parent, FUNCTIONS):
            break
        child = parent
    return "both"


def says(test: ast.expr) -> tuple[Side, bool]:
    """The mode that a test being true implies, and whether its being false implies the other."""
    if isinstance(test, ast.Attribute) and test.attr == "training":
        return "train", True
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        found, exact = says(test.operand)
        return (_OPPOSITE[found], True) if exact else ("unknown" if found != "both" else "both", False)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for value in test.values:
            found, exact = says(value)
            if exact:
                return found, False
    if any("train" in name.lower() or "eval" in name.lower() for name in _words(test)):
        return "unknown", False
    return "both", False


def _words(node: ast.AST) -> Iterator[str]:
    for one in within(node):
        yield one.id if isinstance(one, ast.Name) else getattr(one, "attr", "")


def _left(file: SourceFile, statement: ast.stmt) -> Side:
    """The mode that remains after an earlier test of the block that returns in the other."""
    for earlier in block_of(file, statement):
        if earlier is statement:
            break
        if isinstance(earlier, ast.If) and isinstance(earlier.body[-1], (ast.Return, ast.Raise)):
            found, exact = says(earlier.test)
            if found != "both":
                return _OPPOSITE[found] if exact else "unknown"
    return "both"
