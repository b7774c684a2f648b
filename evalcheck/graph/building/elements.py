"""The elements of a container as its source lists them: literals, comprehensions, appends."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_DEPTH = 6
_LISTING = (
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.ListComp,
    ast.GeneratorExp,
    ast.DictComp,
    ast.Name,
    ast.Attribute,
    ast.BinOp,
    ast.Call,
)


@dataclass(frozen=True, slots=True)
class Element:
    """One element's expression; ``repeated`` when it stands in a loop, ``key`` its name if it has one."""

    value: ast.expr
    repeated: bool = False
    key: str | None = None


def assigned(tree: ast.AST, target: str) -> Iterator[ast.expr]:
    """What is assigned to ``target`` (``self.bn1``, ``layers``), also by ``add_module`` and ``setattr``."""
    attribute = target.removeprefix("self.")
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
            if any(target in _names(t) for t in targets):
                yield node.value
        elif isinstance(node, ast.Call) and target != attribute and (value := _registered(node, attribute)):
            yield value


def elements(expression: ast.expr, function: ast.AST, depth: int = _DEPTH) -> Iterator[Element]:
    """The elements that an expression of a container has, in order, as far as the text tells."""
    if depth == 0:
        return
    if isinstance(expression, (ast.List, ast.Tuple)):
        for item in expression.elts:
            yield from _element(item, function, depth)
    elif isinstance(expression, ast.Dict):
        for key, value in zip(expression.keys, expression.values, strict=True):
            yield Element(value, key=str(key.value) if isinstance(key, ast.Constant) else None)
    elif isinstance(expression, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
        yield Element(expression.elt, repeated=True)
    elif isinstance(expression, ast.DictComp):
        yield Element(expression.value, repeated=True)
    elif isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        yield from elements(expression.left, function, depth - 1)
        yield from elements(expression.right, function, depth - 1)
    elif isinstance(expression, (ast.Name, ast.Attribute)):
        yield from _of_variable(ast.unparse(expression), function, depth)
    elif isinstance(expression, ast.Call):
        for argument in expression.args:
            wraps = _tail(expression) in ("ModuleList", "ModuleDict", "OrderedDict", "list", "tuple", "dict")
            if (wraps or _tail(argument) == "OrderedDict") and isinstance(argument, _LISTING):
                yield from elements(argument, function, depth - 1)
            else:
                yield from _element(argument, function, depth)


def _element(item: ast.expr, function: ast.AST, depth: int) -> Iterator[Element]:
    if isinstance(item, ast.Starred):
        yield from elements(item.value, function, depth - 1)
    elif isinstance(item, ast.Tuple) and len(item.elts) == 2 and isinstance(item.elts[0], ast.Constant):
        yield Element(item.elts[1], key=str(item.elts[0].value))
    else:
        yield Element(item)


def _of_variable(name: str, function: ast.AST, depth: int) -> Iterator[Element]:
    """What a variable was given, and what was added to it afterwards."""
    for value in assigned(function, name):
        if not isinstance(value, ast.Name) or value.id != name:
            yield from elements(value, function, depth - 1)
    looped = {
        id(n) for loop in ast.walk(function) if isinstance(loop, (ast.For, ast.While)) for n in ast.walk(loop)
    }
    for node in ast.walk(function):
        repeated = id(node) in looped
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if ast.unparse(node.func.value) != name:
                continue
            if node.func.attr == "append":
                yield Element(node.args[0], repeated)
            elif node.func.attr == "extend":
                for item in elements(node.args[0], function, depth - 1):
                    yield Element(item.value, repeated or item.repeated)
            elif (named := _named(node)) is not None:
                yield Element(named, repeated, _key(node.args[0]))
        elif isinstance(node, ast.AugAssign) and ast.unparse(node.target) == name:
            for item in elements(node.value, function, depth - 1):
                yield Element(item.value, repeated or item.repeated, item.key)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            subscript = node.targets[0]
            if ast.unparse(subscript.value) == name:
                yield Element(node.value, repeated, _key(subscript.slice))


def _names(target: ast.expr) -> list[str]:
    if isinstance(target, (ast.Name, ast.Attribute)):
        return [ast.unparse(target)]
    return []


def _registered(call: ast.Call, name: str) -> ast.expr | None:
    """``self.add_module("name", value)``, ``setattr(self, "name", value)``: the value."""
    arguments = call.args[1:] if _tail(call) == "setattr" else call.args
    if _tail(call) in ("add_module", "register_module", "setattr") and len(arguments) == 2:
        return arguments[1] if _key(arguments[0]) == name else None
    return None


def _named(call: ast.Call) -> ast.expr | None:
    return call.args[1] if _tail(call) in ("add_module", "register_module") and len(call.args) == 2 else None


def _key(node: ast.expr) -> str | None:
    return str(node.value) if isinstance(node, ast.Constant) else None


def _tail(node: ast.expr) -> str:
    function = node.func if isinstance(node, ast.Call) else node
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
