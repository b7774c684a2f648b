"""Batch norms whose parameters are frozen, and whether anything keeps their statistics still."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source.file import SourceFile
from evalcheck.source.normalisation.norms import names_norm
from evalcheck.source.values import is_self, literal, within

_HOLDS = re.compile(
    r"(?:bn|batch_?norm)s?\w*eval|eval\w*(?:bn|batch_?norm)|freeze_stat|bn_stat|FrozenBatchNorm", re.I
)
_STILL = frozenset(("training", "track_running_stats", "momentum"))


def affine_frozen_only(file: SourceFile) -> Iterator[ast.AST]:
    """Where the parameters of tested batch norms are frozen, in files in which nothing holds the norms."""
    tests = [(node, name) for node in _ifs(file) if (name := _tested(file, node.test)) is not None]
    if any(_held(part, name) for node, name in tests for part in node.body) or _sees_to_modes(file):
        return
    for node, name in tests:
        found = next((one for part in node.body for one in within(part) if _freezes(file, one, name)), None)
        if found is not None:
            yield found


def _ifs(file: SourceFile) -> Iterator[ast.If]:
    seen: set[ast.If] = set()
    for call in file.every_call():
        if getattr(call.func, "id", "") == "isinstance":
            for outer in file.ancestors(call):
                if isinstance(outer, ast.If) and outer not in seen and call in within(outer.test):
                    seen.add(outer)
                    yield outer


def _tested(file: SourceFile, test: ast.expr) -> str | None:
    """The name that a test asks to be a batch norm, alone or beside other conditions."""
    for part in test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]:
        if (
            not isinstance(part, ast.Call)
            or len(part.args) != 2
            or getattr(part.func, "id", "") != "isinstance"
        ):
            continue
        kinds = part.args[1].elts if isinstance(part.args[1], ast.Tuple) else [part.args[1]]
        if isinstance(part.args[0], ast.Name) and all(names_norm(file, kind) for kind in kinds):
            return part.args[0].id
    return None


def _freezes(file: SourceFile, node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        off = bool(node.args) and literal(node.args[0]) is False
        return node.func.attr == "requires_grad_" and off and _belongs(file, node.func.value, name)
    if isinstance(node, ast.Assign) and literal(node.value) is False:
        return any(
            isinstance(target, ast.Attribute)
            and target.attr == "requires_grad"
            and _belongs(file, target.value, name)
            for target in node.targets
        )
    return False


def _belongs(file: SourceFile, node: ast.expr, name: str) -> bool:
    """Whether an expression is the module, its parameter, or a loop variable over its parameters."""
    while isinstance(node, ast.Attribute):
        node = node.value
    if not isinstance(node, ast.Name):
        return False
    if node.id == name:
        return True
    loops = (outer for outer in file.ancestors(node) if isinstance(outer, ast.For))
    return any(
        any(isinstance(n, ast.Name) and n.id == node.id for n in within(loop.target))
        and any(isinstance(n, ast.Name) and n.id == name for n in within(loop.iter))
        for loop in loops
    )


def _held(part: ast.stmt, name: str) -> bool:
    """Whether a statement puts the module in eval mode, or writes what its statistics move by."""
    for node in within(part):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            written = node.attr in _STILL and isinstance(node.ctx, ast.Store)
            if written or node.attr in ("eval", "train", "apply"):
                return True
        elif (
            isinstance(node, ast.Call)
            and any(is_self(argument, name) for argument in node.args)
            and getattr(node.func, "id", "") not in ("isinstance", "print", "len", "type")
        ):
            return True
    return False


def _sees_to_modes(file: SourceFile) -> bool:
    """Whether a class overrides train(), a name speaks of norms in eval mode, or code puts some there."""
    if any("train" in owner.methods for owner in file.classes) or _HOLDS.search(file.text):
        return True
    for call in file.every_call():
        func, info = call.func, file.function_of(call)
        if isinstance(func, ast.Attribute) and func.attr == "eval" and isinstance(func.value, ast.Name):
            looped = any(isinstance(outer, ast.If) for outer in file.ancestors(call))
            if info is not None and looped and "orm" in file.said(info.node):
                return True
    return False
