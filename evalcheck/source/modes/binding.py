"""Arguments to parameters, and comparisons of literals."""

from __future__ import annotations

import ast

from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes.state import Const, Items, Table, Value


def bind(info: FunctionInfo, given: list[Value], named: dict[str, Value]) -> dict[str, Value]:
    """The parameters of a function with what a call gives them; literal defaults are known too.

    Where the call gives more than is seen (``**`` among its arguments) no default is believed.
    """
    args = info.node.args
    every = [a.arg for a in (*args.posonlyargs, *args.args)]
    names: dict[str, Value] = dict.fromkeys([*every, *(a.arg for a in args.kwonlyargs)])
    if "**" not in named:
        for name, default in zip(reversed(every), reversed(args.defaults), strict=False):
            names[name] = Const(default.value) if isinstance(default, ast.Constant) else None
        for arg, value in zip(args.kwonlyargs, args.kw_defaults, strict=True):
            names[arg.arg] = Const(value.value) if isinstance(value, ast.Constant) else None
    names.update(zip(every, given, strict=False))
    names.update({name: value for name, value in named.items() if name in names})
    if args.vararg:
        names[args.vararg.arg] = Items(tuple(given[len(every) :]))
    if args.kwarg:
        names[args.kwarg.arg] = Table(tuple((k, v) for k, v in named.items() if k not in names))
    return names


def compared(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    """What a comparison of literals says; None where either is not known."""
    if isinstance(op, (ast.Is, ast.IsNot)) and right == Const(None) and isinstance(left, frozenset):
        built = all(obj.built is not None for obj in left)
        return isinstance(op, ast.IsNot) if built else None
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


def matched(case: ast.match_case, subject: Value) -> bool | None:
    """Whether a case of a match statement is the one: yes, no, or None where it may be."""
    pattern = case.pattern
    options = pattern.patterns if isinstance(pattern, ast.MatchOr) else [pattern]
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
        return True if case.guard is None else None
    literals = [_literal(option) for option in options]
    if not isinstance(subject, Const) or not all(literals):
        return None
    hit = any(found == (subject.value,) for found in literals)
    return hit if not hit or case.guard is None else None


def _literal(pattern: ast.pattern) -> tuple[object, ...]:
    if isinstance(pattern, ast.MatchSingleton):
        return (pattern.value,)
    if isinstance(pattern, ast.MatchValue) and isinstance(pattern.value, ast.Constant):
        return (pattern.value.value,)
    return ()
