"""What reaches a use: the value that a name, an attribute, an item or a small function gives."""

from __future__ import annotations

import ast

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.values import UNKNOWN, assigned, block_of, literal

_GROWS = ("append", "insert", "extend", "pop", "remove", "clear", "update", "setdefault")


def reaching(file: SourceFile, node: ast.expr) -> ast.expr | None:
    """What a name, an attribute of ``self`` or an item of a dict or list holds where it is used."""
    if isinstance(node, ast.Name):
        return _last_given(file, node)
    if isinstance(node, ast.Subscript):
        table = reaching(file, node.value)
        if isinstance(table, ast.Dict):
            return _item(table, _key(file, node.slice))
        if isinstance(table, (ast.List, ast.Tuple)):
            return _slice(table, node.slice)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return _attribute(file, node)
    return None


def returned(file: SourceFile, call: ast.Call) -> ast.expr | None:
    """What a function of the same file gives back for a call, where no branch is left open."""
    info = file.callee(call)
    if info is None or info.file is not file or info.name == "__init__":
        return None
    return _given_back(info.node.body, _arguments(call, info))


def _arguments(call: ast.Call, info: FunctionInfo) -> dict[str, object]:
    """The parameters of which the value is a literal, defaults included."""
    args = info.node.args
    positional = [a.arg for a in (*args.posonlyargs, *args.args)]
    known: dict[str, object] = {}
    if args.defaults:
        known.update(zip(positional[-len(args.defaults) :], map(literal, args.defaults), strict=True))
    known.update({a.arg: literal(d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d})
    own = positional[1:] if info.receiver else positional
    known.update(zip(own, map(literal, call.args), strict=False))
    known.update({k.arg: literal(k.value) for k in call.keywords if k.arg})
    return known


def _given_back(body: list[ast.stmt], known: dict[str, object]) -> ast.expr | None:
    """The value of the return statement that is reached; None where that cannot be said."""
    for statement in body:
        if isinstance(statement, ast.Return):
            return statement.value
        if isinstance(statement, ast.If):
            branch = _branch(statement, known)
            if branch is None:
                if any(isinstance(n, ast.Return) for n in ast.walk(statement)):
                    return None
            elif any(isinstance(n, ast.Return) for part in branch for n in ast.walk(part)):
                return _given_back(branch, known)
        elif any(isinstance(n, ast.Return) for n in ast.walk(statement)):
            return None
    return None


def _branch(statement: ast.If, known: dict[str, object]) -> list[ast.stmt] | None:
    """The branch that runs for known arguments: ``if train``, ``if not train``, ``if split == "val"``."""
    test, wanted = statement.test, True
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, wanted = test.operand, not wanted
    value: object = UNKNOWN
    if isinstance(test, ast.Name):
        value = known.get(test.id, UNKNOWN)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.left, ast.Name):
        left, right = known.get(test.left.id, UNKNOWN), literal(test.comparators[0])
        if UNKNOWN not in (left, right) and isinstance(test.ops[0], (ast.Eq, ast.Is)):
            value = left == right
        elif UNKNOWN not in (left, right) and isinstance(test.ops[0], ast.In) and isinstance(right, tuple):
            value = left in right
    if value is UNKNOWN:
        return None
    return statement.body if bool(value) is wanted else statement.orelse


def _attribute(file: SourceFile, node: ast.Attribute) -> ast.expr | None:
    """What an attribute of ``self`` or of a class is given, if that happens once."""
    assert isinstance(node.value, ast.Name)
    owner = file.class_of(node) if node.value.id in ("self", "cls") else file.classes.top(node.value.id)
    if owner is None:
        return None
    stores: list[ast.expr] = [
        other
        for method in owner.methods.values()
        for other in file.index.attributes.get(method, ())
        if other.attr == node.attr and isinstance(other.ctx, ast.Store)
    ]
    stores += file.index.stores.get(owner.node, {}).get(node.attr, [])
    parent = file.parent(stores[0]) if len(stores) == 1 else None
    return parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign)) else None


def _key(file: SourceFile, node: ast.expr) -> object:
    """The key of an item; the held-out one, where a comprehension runs over the names of splits."""
    if isinstance(node, ast.Name):
        for outer in file.ancestors(node):
            if isinstance(outer, (ast.DictComp, ast.ListComp)) and len(outer.generators) == 1:
                target, run = outer.generators[0].target, literal(outer.generators[0].iter)
                if isinstance(target, ast.Name) and target.id == node.id and isinstance(run, tuple):
                    return held_out(run) or UNKNOWN
    return literal(node)


def held_out(splits: tuple[object, ...]) -> str:
    """The first of some names that speaks of evaluation."""
    return next((s for s in splits if isinstance(s, str) and words.says_evaluation(s)), "")


def _item(table: ast.Dict, wanted: object) -> ast.expr | None:
    if wanted is UNKNOWN:
        return None
    return next(
        (v for k, v in zip(table.keys, table.values, strict=True) if k and literal(k) == wanted), None
    )


def _slice(items: ast.List | ast.Tuple, at: ast.expr) -> ast.expr | None:
    """``steps[0]``, and ``steps[1:]`` as a list of the same elements."""
    if any(isinstance(item, ast.Starred) for item in items.elts):
        return None
    if isinstance(at, ast.Slice):
        given = [literal(end) if end else None for end in (at.lower, at.upper, at.step)]
        ends = [end for end in given if end is None or isinstance(end, int)]
        if len(ends) == len(given):
            return ast.List(elts=items.elts[slice(*ends)], ctx=ast.Load())
        return None
    place = literal(at)
    inside = isinstance(place, int) and -len(items.elts) <= place < len(items.elts)
    return items.elts[place] if isinstance(place, int) and inside else None


def _last_given(file: SourceFile, name: ast.Name) -> ast.expr | None:
    """The value that reaches a use: the last assignment before it, if no branch stands between."""
    scope: ast.AST = file.names.binder(name) or file.tree
    same_scope = scope is (next(iter(file.names.functions_around(name)), None) or file.tree)
    stores = file.index.stores[scope].get(name.id, [])
    if not same_scope:
        values = assigned(file, name)
        return values[0] if len(values) == 1 and len(stores) == 1 and not _grown(file, name, scope) else None
    before = [s for s in stores if (s.lineno, s.col_offset) < (name.lineno, name.col_offset)]
    if not before or _grown(file, name, scope):
        return None
    last = max(before, key=lambda s: (s.lineno, s.col_offset))
    statement = file.parent(last)
    if isinstance(statement, ast.Assign) and last in statement.targets:
        value: ast.expr | None = statement.value
    else:
        value = statement.value if isinstance(statement, ast.AnnAssign) else None
    if value is None or not isinstance(statement, ast.stmt):
        return None
    around = [file.statement(name), *(a for a in file.ancestors(name) if isinstance(a, ast.stmt))]
    return value if any(one in block_of(file, statement) for one in around) else None


def _grown(file: SourceFile, name: ast.Name, scope: ast.AST) -> bool:
    """Whether the list or dict is changed in place between: what it holds is then not known."""
    changed = any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in _GROWS
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == name.id
        for call in file.calls_in(scope)
    )
    return changed or any(
        isinstance(parent := file.parent(load), ast.Subscript)
        and isinstance(parent.ctx, (ast.Store, ast.Del))
        for load in file.index.loads.get(scope, {}).get(name.id, ())
    )
