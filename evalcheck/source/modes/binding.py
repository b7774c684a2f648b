"""Arguments to parameters, and comparisons of literals."""

from __future__ import annotations

import ast

from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes.state import Const, Items, Value


def bind(info: FunctionInfo, given: list[Value], named: dict[str, Value]) -> dict[str, Value]:
    """The parameters of a function with what a call gives them; literal defaults are known too."""
    args = info.node.args
    every = [a.arg for a in (*args.posonlyargs, *args.args)]
    names: dict[str, Value] = dict.fromkeys([*every, *(a.arg for a in args.kwonlyargs)])
    for name, default in zip(reversed(every), reversed(args.defaults), strict=False):
        names[name] = Const(default.value) if isinstance(default, ast.Constant) else None
    for arg, value in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        names[arg.arg] = Const(value.value) if isinstance(value, ast.Constant) else None
    names.update(zip(every, given, strict=False))
    names.update({name: value for name, value in named.items() if name in names})
    return names


def compared(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    if not isinstance(left, Const):
        return None
    if isinstance(right, Items) and isinstance(op, (ast.In, ast.NotIn)):
        if all(isinstance(item, Const) for item in right.items):
            return (left in right.items) == isinstance(op, ast.In)
        return None
    if not isinstance(right, Const):
        return None
    if isinstance(op, (ast.Eq, ast.Is)):
        return left.value == right.value
    return left.value != right.value if isinstance(op, (ast.NotEq, ast.IsNot)) else None
