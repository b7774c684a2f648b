"""Which functions of a file a module's forward runs, whatever the mode."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.gates import gated


@lru_cache(maxsize=8)
def run_by_forward(file: SourceFile, strict: bool = False) -> dict[FunctionInfo, ClassInfo]:
    """The functions that run in train and in eval mode alike, each with a module that runs it.

    Strictly taken, only a test of the mode keeps a function from running, and no other switch.
    """
    reached: dict[FunctionInfo, ClassInfo] = {}
    for owner in file.classes:
        forward = owner.method_info("forward") if owner.may_be_module else None
        if forward is not None:
            _follow(forward, owner, reached, strict)
    return reached


def _follow(
    first: FunctionInfo, owner: ClassInfo, reached: dict[FunctionInfo, ClassInfo], strict: bool
) -> None:
    """What a forward runs, through the files of the class's ancestors; imported helpers stay closed."""
    waiting = [first]
    seen: set[FunctionInfo] = set()
    while waiting:
        info = waiting.pop()
        if info in seen:
            continue
        seen.add(info)
        reached.setdefault(info, owner)
        for call in calls_below(info.file, info.node):
            if info.file.resolve(call.func) is not None:
                continue
            target = info.file.functions.callee(call, owner)
            if target is not None and target not in seen and not gated(info.file, call, strict):
                waiting.append(target)


def calls_below(file: SourceFile, function: ast.AST) -> Iterator[ast.Call]:
    """The calls in a function, those in its lambdas included."""
    yield from file.calls_in(function)
    for scope in file.index.inner.get(function, ()):
        if isinstance(scope, ast.Lambda):
            yield from calls_below(file, scope)


def in_reach(file: SourceFile, node: ast.AST, strict: bool = False) -> FunctionInfo | None:
    """The function around a node if a forward runs it in both modes (nested ones with it)."""
    reached = run_by_forward(file, strict)
    info = file.function_of(node)
    while info is not None and info not in reached and not isinstance(info.scope, (ast.Module, ast.ClassDef)):
        info = file.function_of(info.node)
    return info if info in reached else None
