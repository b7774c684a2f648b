"""Short data flow inside one function: what a name or an attribute was given."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.index import Function, children
from evalcheck.source.names import parameters

UNKNOWN = object()


def literal(node: ast.AST | None) -> object:
    """The value of a literal (numbers, strings, tuples of them), else :data:`UNKNOWN`."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = literal(node.operand)
        return -value if isinstance(value, (int, float)) else UNKNOWN
    if isinstance(node, (ast.Tuple, ast.List)):
        items = [literal(item) for item in node.elts]
        return UNKNOWN if UNKNOWN in items else tuple(items)
    return UNKNOWN


def keyword(call: ast.Call, *names: str) -> ast.expr | None:
    """The argument given under one of these names."""
    return next((k.value for k in call.keywords if k.arg in names), None)


def unpacks(call: ast.Call) -> bool:
    """Whether arguments come out of a ``*`` or ``**``, so that what is given is not known."""
    return any(k.arg is None for k in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args)


def argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    """An argument given by position or by name."""
    if position < len(call.args) and not any(isinstance(a, ast.Starred) for a in call.args[: position + 1]):
        return call.args[position]
    return keyword(call, *names)


def identifiers(node: ast.AST) -> Iterator[str]:
    """The names, attributes and keywords that an expression mentions."""
    for one in within(node):
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.Attribute):
            yield one.attr
        elif isinstance(one, ast.keyword) and one.arg:
            yield one.arg


def within(node: ast.AST) -> Iterator[ast.AST]:
    """A node and everything in it, in the order of the source; functions nested in it included."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(reversed(children(one)))


def binding_scope(file: SourceFile, name: ast.Name) -> ast.AST:
    """The function that binds a name, or the module."""
    return file.names.binder(name) or file.tree


def assigned(file: SourceFile, name: ast.Name) -> list[ast.expr]:
    """What a name is given where it is bound; empty if any of that cannot be seen."""
    scope = binding_scope(file, name)
    values: list[ast.expr] = []
    for store in file.index.stores[scope].get(name.id, []):
        value = _value_given(file, store)
        if value is None:
            return []
        values.append(value)
    return values


def _value_given(file: SourceFile, target: ast.expr) -> ast.expr | None:
    """What a plain assignment gives to its target."""
    parent = file.parent(target)
    if isinstance(parent, ast.Assign):
        return parent.value if target in parent.targets else None
    return parent.value if isinstance(parent, (ast.AnnAssign, ast.NamedExpr)) else None


def is_parameter(file: SourceFile, name: ast.Name) -> bool:
    """Whether a name is a parameter of the function that binds it."""
    scope = file.names.binder(name)
    return scope is not None and name.id in parameters(scope)


def self_attributes(file: SourceFile, owner: ClassInfo) -> dict[str, list[tuple[ast.Attribute, ast.expr]]]:
    """What the methods of a class put on ``self``, by attribute; ancestors in the file included."""
    found: dict[str, list[tuple[ast.Attribute, ast.expr]]] = {}
    for one in owner.lineage():
        if one.file is not file:
            continue  # its expressions mean what the names of its own file say
        for method in one.methods.values():
            for store, value in stores_on_self(file, method):
                found.setdefault(store.attr, []).append((store, value))
    return found


def stores_on_self(file: SourceFile, method: Function) -> Iterator[tuple[ast.Attribute, ast.expr]]:
    """``self.name = value`` in a method, in the order of the source."""
    info = file.functions.by_node[method]
    for node in file.index.attributes.get(method, []):
        if isinstance(node.ctx, ast.Store) and is_self(node.value, info.receiver):
            value = _value_given(file, node)
            if value is not None:
                yield node, value


def is_self(node: ast.AST, receiver: str | None) -> bool:
    """Whether an expression is the method's own object."""
    return isinstance(node, ast.Name) and receiver is not None and node.id == receiver


def block_of(file: SourceFile, statement: ast.stmt) -> list[ast.stmt]:
    """The list of statements that a statement stands in."""
    parent = file.parent(statement)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and statement in block:
            return block
    return [statement]


def nested(file: SourceFile, function: ast.AST) -> Iterator[ast.AST]:
    """A function and the functions, lambdas and classes nested in it."""
    waiting = [function]
    while waiting:
        scope = waiting.pop()
        yield scope
        waiting.extend(file.index.inner.get(scope, ()))
