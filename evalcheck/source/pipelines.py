"""Pipelines of transforms, followed through variables to the dataset that takes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from evalcheck import transforms
from evalcheck.source.file import SourceFile
from evalcheck.source.values import UNKNOWN, assigned, block_of, literal

_STEPS = 6


def random_parts(file: SourceFile, node: ast.expr, steps: int = _STEPS) -> Iterator[ast.Call]:
    """The transforms of a pipeline that draw random numbers, for certain."""
    if steps == 0:
        return
    if isinstance(node, (ast.List, ast.Tuple)):
        for item in node.elts:
            yield from random_parts(file, item, steps - 1)
    elif isinstance(node, ast.Starred):
        yield from random_parts(file, node.value, steps - 1)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from random_parts(file, node.left, steps - 1)
        yield from random_parts(file, node.right, steps - 1)
    elif isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        value = reaching(file, node)
        if value is not None:
            yield from random_parts(file, value, steps - 1)
    elif isinstance(node, ast.Call):
        yield from _of_call(file, node, steps)


def _of_call(file: SourceFile, call: ast.Call, steps: int) -> Iterator[ast.Call]:
    name = file.resolve(call.func)
    if name is None:
        return
    tail = name.rpartition(".")[2]
    known = transforms.library(name) is not None
    if tail in transforms.CONTAINERS and (known or name == "torch.nn.Sequential"):
        held = [*call.args, *(k.value for k in call.keywords if k.arg in ("transforms", "args"))]
        for item in held:
            yield from random_parts(file, item, steps - 1)
    elif tail in transforms.CHOOSERS and known:
        if arguments(call, ()).get("p", 0.5) != 0:
            yield call
    elif transforms.is_random(name, arguments(call, transforms.parameters(name))):
        yield call


def arguments(call: ast.Call, positional: tuple[str, ...]) -> dict[str, object]:
    """The arguments whose values are literals; those without a known value are left out."""
    given = {k.arg: literal(k.value) for k in call.keywords if k.arg}
    given.update(zip(positional, (literal(a) for a in call.args), strict=False))
    return {name: ("unknown" if value is UNKNOWN else value) for name, value in given.items()}


def reaching(file: SourceFile, node: ast.expr) -> ast.expr | None:
    """What a name, an attribute of ``self`` or an item of a dict of pipelines holds where it is used."""
    if isinstance(node, ast.Name):
        return _last_given(file, node)
    if isinstance(node, ast.Subscript):
        table = reaching(file, node.value)
        return _item(table, node.slice) if isinstance(table, ast.Dict) else None
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        owner = file.class_of(node)
        stores = [
            other
            for method in (owner.methods.values() if owner else ())
            for other in file.index.attributes.get(method, ())
            if other.attr == node.attr and isinstance(other.ctx, ast.Store)
        ]
        parent = file.parent(stores[0]) if len(stores) == 1 else None
        return parent.value if isinstance(parent, ast.Assign) else None
    return None


def _item(table: ast.Dict, key: ast.expr) -> ast.expr | None:
    wanted = literal(key)
    if wanted is UNKNOWN:
        return None
    return next(
        (v for k, v in zip(table.keys, table.values, strict=True) if k and literal(k) == wanted), None
    )


def _last_given(file: SourceFile, name: ast.Name) -> ast.expr | None:
    """The value that reaches a use: the last assignment before it, if no branch stands between."""
    scope: ast.AST = file.names.binder(name) or file.tree
    same_scope = scope is (next(iter(file.names.functions_around(name)), None) or file.tree)
    stores = file.index.stores[scope].get(name.id, [])
    if not same_scope:
        values = assigned(file, name)
        return values[0] if len(values) == 1 and len(stores) == 1 else None
    before = [s for s in stores if (s.lineno, s.col_offset) < (name.lineno, name.col_offset)]
    if not before or _grown(file, name, scope):
        return None
    last = max(before, key=lambda s: (s.lineno, s.col_offset))
    statement = file.parent(last)
    if not isinstance(statement, ast.Assign) or last not in statement.targets:
        return None
    around = [file.statement(name), *(a for a in file.ancestors(name) if isinstance(a, ast.stmt))]
    return statement.value if any(one in block_of(file, statement) for one in around) else None


def _grown(file: SourceFile, name: ast.Name, scope: ast.AST) -> bool:
    """Whether the list is changed in place between: what it holds is then not known."""
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in ("append", "insert", "extend", "pop", "remove", "clear")
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == name.id
        for call in file.calls_in(scope)
    )
