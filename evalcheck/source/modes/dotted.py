"""Dotted names of what is called or decorates."""

from __future__ import annotations

import ast
from collections.abc import Callable


def dotted(resolve: Callable[[ast.AST], str | None], node: ast.expr) -> str:
    """The dotted name of a function or decorator, with or without a call."""
    node = node.func if isinstance(node, ast.Call) else node
    found = resolve(node)
    if found is None and isinstance(node, ast.Attribute):
        return f"?.{node.attr}"
    return found or (node.id if isinstance(node, ast.Name) else "?")
