"""The functions and methods of a file, and which call reaches which of them."""

from __future__ import annotations

import ast
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalcheck.source.classes import ClassInfo
from evalcheck.source.index import Function
from evalcheck.source.names import parameters

if TYPE_CHECKING:
    from evalcheck.source.file import SourceFile


@dataclass(frozen=True, eq=False)
class FunctionInfo:
    """A function or method; ``owner`` is the class that it is a method of.

    ``file`` is the file that it stands in: look everything up there.
    """

    node: Function
    owner: ClassInfo | None
    scope: ast.AST
    file: SourceFile

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def parameters(self) -> list[str]:
        return parameters(self.node)

    @property
    def receiver(self) -> str | None:
        """What a method calls its own object."""
        if self.owner is None or any(_tail(d) == "staticmethod" for d in self.node.decorator_list):
            return None
        every = [*self.node.args.posonlyargs, *self.node.args.args]
        return every[0].arg if every else None

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.node, clean=False) or ""


def _tail(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


class ByNode(dict[ast.AST, FunctionInfo]):
    """Functions by their nodes. An inherited method of another file is known to its own file only."""

    def __missing__(self, node: ast.AST) -> FunctionInfo:
        file: SourceFile | None = getattr(node, "_evalcheck_file", lambda: None)()
        if file is None or node not in file.functions.by_node:
            raise KeyError(node)
        return file.functions.by_node[node]


class Functions:
    """All functions of a file, and the calls between them and to other files of the project."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._tree, self._index, self._names = file.tree, file.index, file.names
        self.by_node = ByNode()
        self._by_scope: dict[ast.AST, dict[str, FunctionInfo]] = {}
        here = weakref.ref(file)  # from node to file and back would be a circle that nobody frees
        for node in file.index.functions:
            scope = file.index.scopes[node]
            info = FunctionInfo(node, file.classes.by_node.get(scope), scope, file)
            self.by_node[node] = info
            node._evalcheck_file = here  # type: ignore[union-attr]
            if info.owner is None:
                self._by_scope.setdefault(scope, {})[node.name] = info
        self._callers: dict[FunctionInfo, list[ast.Call]] | None = None

    def top(self, name: str) -> FunctionInfo | None:
        """A function at the top of the file."""
        return self._by_scope.get(self._tree, {}).get(name)

    def __iter__(self) -> Iterator[FunctionInfo]:
        return iter(self.by_node.values())

    def around(self, node: ast.AST) -> FunctionInfo | None:
        """The innermost function around a node."""
        parent = self._index.parents.get(node)
        while parent is not None and parent not in self.by_node:
            parent = self._index.parents.get(parent)
        return self.by_node[parent] if parent is not None else None

    def method_around(self, node: ast.AST) -> FunctionInfo | None:
        """The innermost method around a node, past functions nested in it."""
        info = self.around(node)
        while info is not None and info.owner is None:
            info = self.around(info.node)
        return info

    def callee(self, call: ast.Call, itself: ClassInfo | None = None) -> FunctionInfo | None:
        """The function of the project that a call reaches, where that is certain.

        ``itself`` is the class that ``self`` is of, where it is not the class that is read.
        """
        func = call.func
        if isinstance(func, ast.Name):
            return self._named(func)
        if isinstance(func, ast.Attribute):
            owner = self._receiver_class(func, itself)
            return owner.method_info(func.attr) if owner else self._imported(func)
        return None

    def _named(self, name: ast.Name) -> FunctionInfo | None:
        for scope in self._names.functions_around(name):
            if name.id in self._by_scope.get(scope, {}):
                return self._by_scope[scope][name.id]
            if name.id in parameters(scope) or name.id in self._index.stores[scope]:
                return None
        return self.top(name.id) or self._imported(name)

    def _imported(self, node: ast.Name | ast.Attribute) -> FunctionInfo | None:
        there = self._file.elsewhere(node)
        return there[0].functions.by_node.get(there[1]) if there else None

    def _receiver_class(self, func: ast.Attribute, itself: ClassInfo | None) -> ClassInfo | None:
        """The class of ``self`` in ``self.f()``, of ``super()``, or the class named in ``Net.f()``."""
        receiver = func.value
        method = self.method_around(func)
        if isinstance(receiver, ast.Name):
            if method is not None and receiver.id == method.receiver:
                return itself or method.owner
            return self._file.classes.named(receiver)
        if isinstance(receiver, ast.Call) and _tail(receiver.func) == "super" and method and method.owner:
            lineage = list(method.owner.lineage())[1:]
            return next((c for c in lineage if func.attr in c.methods), None)
        return None

    def callers(self, info: FunctionInfo) -> list[ast.Call]:
        """The calls of this file that reach a function."""
        if self._callers is None:
            self._callers = {}
            for calls in self._index.calls.values():
                for call in calls:
                    if (reached := self.callee(call)) is not None:
                        self._callers.setdefault(reached, []).append(call)
        return self._callers.get(info, [])
