"""The source of a recorded call: the expression as it was written, and the words around it.

Read from the lines that Python itself knows of (``linecache``). Where these cannot be read, nothing is
known of a call but what it did.
"""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath

from evalcheck.finding import Span
from evalcheck.graph.recording.callers import located

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef)
_BRANCHES = (ast.If, ast.IfExp, ast.While)
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n\s*\n")


@dataclass(frozen=True, slots=True)
class Wording:
    """A call in its source: ``call`` is None where the line calls something else, such as a helper.

    ``scopes`` are the names of the functions and classes around it, ``places`` those of its file and folder,
    ``beside`` all names in its statement and in the conditions above; ``comments`` stand beside or above it;
    ``docstrings`` are of its functions and classes. ``tests`` are the lines in its function whose
    conditions use what the statement gives a name to. ``body`` holds every name in the innermost function.
    """

    call: ast.Call | None
    scopes: tuple[str, ...]
    places: tuple[str, ...]
    beside: tuple[str, ...]
    comments: tuple[str, ...]
    docstrings: tuple[str, ...]
    body: frozenset[str]
    tests: frozenset[int]

    @property
    def names(self) -> tuple[str, ...]:
        """Those around it and those beside it."""
        return (*self.scopes, *self.beside)

    @property
    def sentences(self) -> Iterator[str]:
        """Comments and the sentences of docstrings."""
        yield from self.comments
        for text in self.docstrings:
            yield from (" ".join(part.split()) for part in _SENTENCE.split(text))


NOTHING = Wording(None, (), (), (), (), (), frozenset(), frozenset())


def of(span: Span | None) -> Wording:
    """What stands at and around a span of the user's code."""
    lines = linecache.getlines(span.path) if span is not None else []
    tree = _tree("".join(lines)) if lines else None
    if span is None or tree is None:
        return NOTHING
    around = list(_around(tree, span))
    scopes = [node for node in around if isinstance(node, _SCOPES)]
    functions = [node for node in scopes if isinstance(node, _FUNCTIONS)]
    statement = next((n for n in reversed(around) if isinstance(n, ast.stmt)), tree)
    first = getattr(statement, "lineno", span.line)
    tests = [name for node in around if isinstance(node, _BRANCHES) for name in _identifiers(node.test)]
    # A block is no statement of its own: what stands inside it has been asked already.
    own = [] if isinstance(statement, _SCOPES) else list(_identifiers(statement))
    return Wording(
        call=next((n for n in ast.walk(statement) if isinstance(n, ast.Call) and _is_at(n, span)), None),
        scopes=tuple(node.name for node in scopes),
        places=_places(span),
        beside=(*own, *tests),
        comments=tuple(_comments(lines, range(first, span.end_line + 1))),
        docstrings=tuple(filter(None, (ast.get_docstring(node, clean=False) for node in scopes))),
        body=frozenset(_identifiers(functions[-1])) if functions else frozenset(),
        tests=frozenset(_testing(functions[-1], statement)) if functions else frozenset(),
    )


def argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    """The argument of a call by name or by position; None where it has none."""
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    return call.args[position] if len(call.args) > position else None


def called(call: ast.Call) -> str:
    """The last name of what is called: ``dropout`` of ``torch.nn.functional.dropout(x)``."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def unpacks(call: ast.Call) -> bool:
    """Whether arguments come out of ``*`` or ``**``, where anything may be told."""
    return any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords)


@lru_cache(64)
def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _around(tree: ast.AST, span: Span) -> Iterator[ast.AST]:
    """The nodes that hold the span's first line, from the outermost; of a statement only the first part."""
    for child in ast.iter_child_nodes(tree):
        first, last = getattr(child, "lineno", None), getattr(child, "end_lineno", None)
        if first is None or last is None or not first <= span.line <= last:
            continue
        if isinstance(child, ast.stmt):
            yield child
            yield from _around(child, span)
            return
        if isinstance(child, (ast.IfExp, ast.ExceptHandler, ast.match_case)):
            yield child
        yield from _around(child, span)


def _testing(function: ast.AST, statement: ast.AST) -> Iterator[int]:
    """The lines of conditions in a function that use a name which a statement binds."""
    bound = {
        one.id
        for target in (statement.targets if isinstance(statement, ast.Assign) else [])
        for one in ast.walk(target)
        if isinstance(one, ast.Name)
    }
    for node in ast.walk(function):
        if isinstance(node, (*_BRANCHES, ast.Assert)) and bound & set(_identifiers(node.test)):
            yield node.test.lineno


def _is_at(call: ast.Call, span: Span) -> bool:
    end, column = call.end_lineno or call.lineno, call.end_col_offset or 0
    return located(span.path, call.lineno, end, call.col_offset, column) == span


def _identifiers(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.Attribute):
            yield one.attr
        elif isinstance(one, ast.keyword) and one.arg:
            yield one.arg


def _places(span: Span) -> tuple[str, ...]:
    path = PurePath(span.path)
    return (*path.parts[-2:-1], path.stem) if path.suffix == ".py" else ()


def _comments(lines: list[str], numbers: range) -> Iterator[str]:
    """What stands behind ``#`` in the lines, and alone in those above."""
    for number in numbers:
        yield lines[number - 1].partition("#")[2].strip() if number <= len(lines) else ""
    above: list[str] = []
    number = numbers.start - 1
    while 0 < number <= len(lines) and lines[number - 1].lstrip().startswith("#"):
        above.insert(0, lines[number - 1].partition("#")[2].strip())
        number -= 1
    yield " ".join(above)
