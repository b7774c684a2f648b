"""The syntax trees of a class's methods, with the line numbers of their file."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType

from torch import nn


@dataclass(frozen=True, slots=True)
class Method:
    """A method's tree, and the file that it stands in."""

    name: str
    filename: str
    tree: ast.AST


def of(owner: type) -> Iterator[Method]:
    """Methods of a class and its bases below ``nn.Module``; in each, ``__init__`` comes first."""
    for cls in owner.__mro__:
        if cls is nn.Module or cls is object:
            return
        functions = [f for f in vars(cls).values() if isinstance(f, FunctionType)]
        for function in sorted(functions, key=lambda f: f.__name__ != "__init__"):
            code = inspect.unwrap(function).__code__
            if (tree := _tree(code, code.co_filename)) is not None:
                yield Method(function.__name__, code.co_filename, tree)


@lru_cache(1024)
def _tree(code: CodeType, filename: str) -> ast.AST | None:
    # Code objects of two files are equal where their content is: the name is part of the key.
    lines = linecache.getlines(filename)[code.co_firstlineno - 1 :]
    if not lines:
        return None
    try:
        # A block of its own keeps the indentation, and with it every column.
        tree = ast.parse("if 1:\n" + "".join(inspect.getblock(lines)))
    except (SyntaxError, ValueError):
        return None
    return ast.increment_lineno(tree, code.co_firstlineno - 2)
