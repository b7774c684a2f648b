"""One walk over a tree, after which nobody needs to walk it again."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import Any

from evalcheck.source.words import each

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
# Nodes that say nothing: contexts and operators, of which the parser makes one each.
_SILENT = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
# Fields that hold text, numbers or nodes that say nothing.
_DULL = each("ctx op ops type_comment kind type_ignores simple id attr arg name module level names")
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def fields(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a kind of node that can hold children, in the order of the source."""
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(name for name in kind._fields if name not in _DULL)
    return _FIELDS[kind]


def children(node: ast.AST) -> list[ast.AST]:
    """The children of a node in the order of the source."""
    found: list[ast.AST] = []
    for name in fields(node.__class__):
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return [item for item in found if not isinstance(item, _SILENT)]


class Index:
    """Parents of nodes, and the nodes that rules ask for, by the scope they stand in.

    Lists are in the order of the source. Comprehensions belong to the scope around them.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self.functions: list[Function] = []
        self.classes: list[ast.ClassDef] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.calls: dict[ast.AST, list[ast.Call]] = defaultdict(list)
        self.stores: dict[ast.AST, dict[str, list[ast.Name]]] = defaultdict(dict)
        self.loads: dict[ast.AST, dict[str, list[ast.Name]]] = defaultdict(dict)
        self.attributes: dict[ast.AST, list[ast.Attribute]] = defaultdict(list)
        self.statements: list[ast.Expr] = []
        self.scopes: dict[ast.AST, ast.AST] = {tree: tree}
        self.inner: dict[ast.AST, list[ast.AST]] = defaultdict(list)
        self._walk(tree)

    def _walk(self, tree: ast.Module) -> None:
        stack: list[tuple[ast.AST, ast.AST]] = [(tree, tree)]
        parents, known = self.parents, _FIELDS
        while stack:
            node, scope = stack.pop()
            kind = node.__class__
            if kind in _NOTED:
                scope = self._note(node, scope)
            waiting: list[tuple[ast.AST, ast.AST]] = []
            for name in known.get(kind) or fields(kind):
                value: Any = getattr(node, name, None)
                child: Any
                for child in value if value.__class__ is list else (value,):
                    what = child.__class__
                    if what is ast.Name:  # most nodes are names and constants: they have no children
                        parents[child] = node
                        table = self.loads if child.ctx.__class__ is ast.Load else self.stores
                        table[scope].setdefault(child.id, []).append(child)
                    elif what is ast.Constant:
                        parents[child] = node
                    elif isinstance(child, ast.AST):
                        parents[child] = node
                        waiting.append((child, scope))
            waiting.reverse()
            stack += waiting

    def _note(self, node: ast.AST, scope: ast.AST) -> ast.AST:
        """Keep a node where rules look for it, and say in which scope its children stand."""
        if isinstance(node, ast.Attribute):
            self.attributes[scope].append(node)
        elif isinstance(node, ast.Call):
            self.calls[scope].append(node)
        elif isinstance(node, ast.Expr):
            self.statements.append(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self.imports.append(node)
        elif isinstance(node, SCOPES):
            if isinstance(node, FUNCTIONS):
                self.functions.append(node)
            elif isinstance(node, ast.ClassDef):
                self.classes.append(node)
            if not isinstance(node, ast.Module):
                self.scopes[node] = scope
                self.inner[scope].append(node)
            return node
        return scope


_NOTED = frozenset((*SCOPES, ast.Attribute, ast.Call, ast.Expr, ast.Import, ast.ImportFrom))
