"""The functions and methods of a file, and which call reaches which of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.classes import Classes, ClassInfo
from evalcheck.source.index import Function, Index
from evalcheck.source.names import Names, parameters


@dataclass(frozen=True, eq=False)
class FunctionInfo:
    """A function or method of the file; ``owner`` is the class that it is a method of."""

    node: Function
    owner: ClassInfo | None
    scope: ast.AST

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


class Functions:
    """All functions of a file, and the calls between them."""

    def __init__(self, tree: ast.Module, index: Index, names: Names, classes: Classes) -> None:
        self._tree, self._index, self._names, self._classes = tree, index, names, classes
        self.by_node: dict[ast.AST, FunctionInfo] = {}
        self._by_scope: dict[ast.AST, dict[str, FunctionInfo]] = {}
        for node in index.functions:
            scope = index.scopes[node]
            info = FunctionInfo(node, classes.by_node.get(scope), scope)
            self.by_node[node] = info
            if info.owner is None:
                self._by_scope.setdefault(scope, {})[node.name] = info
        self._callers: dict[FunctionInfo, list[ast.Call]] | None = None

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
        """The function of this file that a call reaches, where that is certain.

        ``itself`` is the class that ``self`` is of, where it is not the class that is read.
        """
        func = call.func
        if isinstance(func, ast.Name):
            return self._named(func)
        if isinstance(func, ast.Attribute):
            return self._method(func, itself)
        return None

    def _named(self, name: ast.Name) -> FunctionInfo | None:
        for scope in self._names.functions_around(name):
            if name.id in self._by_scope.get(scope, {}):
                return self._by_scope[scope][name.id]
            if name.id in parameters(scope) or name.id in self._index.stores[scope]:
                return None
        return self._by_scope.get(self._tree, {}).get(name.id)

    def _method(self, func: ast.Attribute, itself: ClassInfo | None) -> FunctionInfo | None:
        owner = self._receiver_class(func, itself)
        node = owner.method(func.attr) if owner else None
        return self.by_node.get(node) if node is not None else None

    def _receiver_class(self, func: ast.Attribute, itself: ClassInfo | None) -> ClassInfo | None:
        """The class of ``self`` in ``self.f()``, of ``super()``, or the class named in ``Net.f()``."""
        receiver = func.value
        method = self.method_around(func)
        if isinstance(receiver, ast.Name):
            if method is not None and receiver.id == method.receiver:
                return itself or method.owner
            return self._classes.named(receiver)
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
