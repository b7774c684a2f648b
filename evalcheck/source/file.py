"""One file of Python, and the questions that checks ask about it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from evalcheck.finding import Place, Span
from evalcheck.source.classes import Classes, ClassInfo
from evalcheck.source.functions import FunctionInfo, Functions
from evalcheck.source.index import Function, Index
from evalcheck.source.lines import Lines
from evalcheck.source.names import Names
from evalcheck.source.reading import Unreadable

if TYPE_CHECKING:
    from evalcheck.source.project import Project

# A comment that silences a finding, with the reason that people give there: it is held against the findings
# afterwards, and must not keep a check from making them.
SILENCING = re.compile(r"#\s*(?:evalcheck\s*:\s*ignore|noqa\s*:).*")


class SourceFile:
    """A parsed file. Everything beyond the tree is worked out when it is first asked for."""

    def __init__(self, text: str, path: str, tree: ast.Module) -> None:
        self.path = path
        self.text = text
        self.tree = tree
        self.origin = ""  # the absolute path, where imports are to be followed
        self.project: Project | None = None
        self._elsewhere: dict[str, tuple[SourceFile, ast.AST] | None] = {}

    @cached_property
    def lines(self) -> Lines:
        return Lines(self.text, self.path)

    @classmethod
    def from_text(cls, text: str, path: str) -> SourceFile:
        """Parse a text. Raises :class:`Unreadable` with one line that names path and line."""
        text = text.removeprefix("\ufeff")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the user's escapes: another tool's business
                tree = ast.parse(text)
        except SyntaxError as error:
            where = f"{path}:{error.lineno}" if error.lineno else path
            raise Unreadable(f"{where}: not valid Python: {error.msg}") from None
        except (RecursionError, MemoryError):
            raise Unreadable(f"{path}: too deeply nested to be read") from None
        except ValueError as error:
            raise Unreadable(f"{path}: not valid Python: {error}") from None
        return cls(text, path, tree)

    def close(self) -> None:
        """Let go of the tree and of all that hangs on it, without waiting for the garbage collector."""
        self.__dict__.clear()

    # Where things are.

    def span(self, node: ast.AST) -> Span:
        """Where a node stands, in characters from one."""
        line = getattr(node, "lineno", 1)
        offset = getattr(node, "col_offset", 0)
        end_line = getattr(node, "end_lineno", None) or line
        end_offset = getattr(node, "end_col_offset", None) or offset
        return self.lines.span(line, offset, end_line, end_offset)

    def place(self, node: ast.AST) -> Place:
        """Where a node stands, as findings say it."""
        return Place(self.span(node))

    def said(self, node: ast.AST) -> str:
        """The lines of a node, for words of people: comments count, but not those that silence a finding."""
        first = getattr(node, "lineno", 1)
        last = getattr(node, "end_lineno", None) or first
        return "\n".join(self.line(number) for number in range(first, last + 1))

    def line(self, number: int) -> str:
        """One line by the parser's number, likewise for words of people."""
        return SILENCING.sub("", self.lines.line(number))

    def mentions(self, *words: str) -> bool:
        """Whether any of the words stands in the file at all: the cheap way to be done with it."""
        return any(word in self.text for word in words)

    # How things hang together.

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node around a node."""
        return self.index.parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, from the inside out."""
        parent = self.index.parents.get(node)
        while parent is not None:
            yield parent
            parent = self.index.parents.get(parent)

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that a node belongs to."""
        if isinstance(node, ast.stmt):
            return node
        return next(n for n in self.ancestors(node) if isinstance(n, ast.stmt))

    def function_of(self, node: ast.AST) -> FunctionInfo | None:
        """The innermost function around a node."""
        for outer in self.ancestors(node):
            if outer in self.functions.by_node:
                return self.functions.by_node[outer]
        return None

    def class_of(self, node: ast.AST) -> ClassInfo | None:
        """The innermost class around a node."""
        for outer in self.ancestors(node):
            if outer in self.classes.by_node:
                return self.classes.by_node[outer]
        return None

    # What things are.

    @cached_property
    def index(self) -> Index:
        return Index(self.tree)

    @cached_property
    def names(self) -> Names:
        return Names(self.tree, self.index)

    @cached_property
    def classes(self) -> Classes:
        return Classes(self)

    @cached_property
    def functions(self) -> Functions:
        return Functions(self)

    def resolve(self, node: ast.AST) -> str | None:
        """The dotted name that an expression means through imports, such as ``torch.nn.Linear``."""
        return self.names.resolve(node)

    def defines(self, name: str) -> ast.AST | None:
        """The class or function at the top of the file that has this name."""
        kind, function = self.classes.top(name), self.functions.top(name)
        return kind.node if kind else function.node if function else None

    def elsewhere(self, node: ast.AST) -> tuple[SourceFile, ast.AST] | None:
        """The definition in another file of the project that an expression means, and that file."""
        dotted = self.resolve(node) if self.project is not None else None
        if dotted is None or self.project is None:
            return None
        if dotted not in self._elsewhere:
            self._elsewhere[dotted] = self.project.definition(dotted, self)
        return self._elsewhere[dotted]

    def callee(self, call: ast.Call) -> FunctionInfo | None:
        """The function or method of the project that a call reaches, where that is certain."""
        return self.functions.callee(call)

    def calls_in(self, scope: ast.AST) -> list[ast.Call]:
        """The calls directly in a function, class body or module, in the order of the source."""
        return self.index.calls.get(scope, [])

    def every_call(self) -> Iterator[ast.Call]:
        """All calls of the file."""
        for calls in self.index.calls.values():
            yield from calls


__all__ = ["Function", "SourceFile", "Unreadable"]
