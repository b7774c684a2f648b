"""What a name means: dotted names, followed through imports and plain aliases."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from evalcheck.source.index import FUNCTIONS, Function, Index

# The only star imports that are believed: what they export is known to be classes and functions.
STARS = ("torch.nn", "torch.nn.functional", "torchvision.transforms", "torchvision.transforms.v2")


class Names:
    """The bindings of one file that come from outside of it."""

    def __init__(self, tree: ast.Module, index: Index) -> None:
        self._tree = tree
        self._index = index
        self.defined = {node.name for node in (*index.functions, *index.classes)}
        self.imported: dict[str, str] = {}
        self.stars: list[str] = []
        for node in index.imports:
            for name, dotted in _bindings(node):
                if name == "*":
                    self.stars.append(dotted)
                else:
                    self.imported.setdefault(name, dotted)
        self.packages = frozenset(d.lstrip(".").split(".")[0] for d in (*self.imported.values(), *self.stars))
        self._local = self._bound_in_functions()
        self._alias()

    def _bound_in_functions(self) -> set[str]:
        """Every name that any function binds: no other name needs to be looked for in functions."""
        local: set[str] = set()
        for scope in self._index.scopes:
            if isinstance(scope, (*FUNCTIONS, ast.Lambda)):
                local.update(self._index.stores.get(scope, ()))
                local.update(parameters(scope))
        return local

    def _alias(self) -> None:
        """``nn = torch.nn`` and the like, at the top of the file and bound once."""
        for name, stores in self._index.stores[self._tree].items():
            parent = self._index.parents.get(stores[0])
            if len(stores) > 1 or name in self.imported or not isinstance(parent, ast.Assign):
                continue
            if isinstance(parent.value, ast.Attribute) and (dotted := self.resolve(parent.value)):
                self.imported[name] = dotted

    def resolve(self, node: ast.AST) -> str | None:
        """The dotted name that an expression means, or None where it is not imported."""
        tail: list[str] = []
        while isinstance(node, ast.Attribute):
            tail.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        root = self._root(node)
        return ".".join([root, *reversed(tail)]) if root else None

    def _root(self, node: ast.Name) -> str | None:
        if self.is_local(node):
            return None
        if node.id in self.imported:
            return self.imported[node.id]
        if len(self.stars) == 1 and self.stars[0] in STARS and node.id not in self.defined:
            own = node.id in self._index.stores[self._tree] or hasattr(builtins, node.id)
            return None if own else f"{self.stars[0]}.{node.id}"
        return None

    def is_local(self, node: ast.Name) -> bool:
        """Whether a function around the name binds it (a parameter or an assignment)."""
        return self.binder(node) is not None

    def binder(self, node: ast.Name) -> Function | ast.Lambda | None:
        """The innermost function around the name that binds it."""
        if node.id not in self._local:
            return None
        for scope in self.functions_around(node):
            if node.id in parameters(scope) or node.id in self._index.stores[scope]:
                return scope
        return None

    def functions_around(self, node: ast.AST) -> Iterator[Function | ast.Lambda]:
        """The functions around a node, the innermost first."""
        parent = self._index.parents.get(node)
        while parent is not None:
            if isinstance(parent, (*FUNCTIONS, ast.Lambda)):
                yield parent
            parent = self._index.parents.get(parent)


def parameters(function: Function | ast.Lambda) -> list[str]:
    """The names of a function's parameters, in their order."""
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    every += [a for a in (args.vararg, args.kwarg) if a]
    return [a.arg for a in every]


def _bindings(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.split(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (top, top)
        return
    base = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name == "*":
            yield "*", base
        else:
            joint = "" if base.endswith(".") or not base else "."
            yield alias.asname or alias.name, f"{base}{joint}{alias.name}"
