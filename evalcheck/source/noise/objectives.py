"""What a function that draws random numbers hands back: an objective of training, or a choice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.values import assigned, identifiers, within

_DRAWN = re.compile(r"^torch\.(?:rand|randn|randint|normal)(?:_like)?$")
_LOSS = frozenset(("loss", "losses", "objective"))


def is_objective(file: SourceFile, function: FunctionInfo, draw: ast.Call) -> bool:
    """Whether a function draws noise or times besides, and returns a loss: training alone needs one.

    The objectives of diffusion and flow matching are such; a mask is not drawn so.
    """
    others = (call for call in file.calls_in(function.node) if call is not draw)
    return any(_is_kept(file, call) for call in others) and any(
        _says_loss(file, value) for value in _returned(function)
    )


def _is_kept(file: SourceFile, call: ast.Call) -> bool:
    """Whether a draw is kept under a name that nothing but arithmetic and calls uses."""
    statement = file.parent(call)
    if not _DRAWN.match(file.resolve(call.func) or "") or not isinstance(statement, ast.Assign):
        return False
    uses = [file.parent(use) for target in statement.targets for use in uses_of(file, target)]
    return bool(uses) and not any(isinstance(use, (ast.Compare, ast.If)) for use in uses)


def _returned(function: FunctionInfo) -> Iterator[ast.expr]:
    for node in within(function.node):
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value


def _says_loss(file: SourceFile, value: ast.expr) -> bool:
    named = list(identifiers(value))
    for one in within(value):
        if isinstance(one, ast.Name) and file.names.is_local(one):
            named += [name for given in assigned(file, one) for name in identifiers(given)]
    return any(_LOSS & set(words.parts(name)) for name in named)


def returned_beside(file: SourceFile, call: ast.Call) -> bool:
    """Whether what is drawn is only returned beside other values, so that the caller chooses."""
    if _stands_beside(file, call):
        return True
    statement = file.parent(call)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    uses = uses_of(file, statement.targets[0])
    return bool(uses) and all(_stands_beside(file, use) for use in uses)


def _stands_beside(file: SourceFile, node: ast.AST) -> bool:
    beside = file.parent(node)
    if not isinstance(beside, (ast.Tuple, ast.Dict)) or not isinstance(file.parent(beside), ast.Return):
        return False
    return len(beside.elts if isinstance(beside, ast.Tuple) else beside.values) > 1


def uses_of(file: SourceFile, target: ast.expr) -> list[ast.Name]:
    """Where a local name is read that an assignment gives a value to."""
    binder = file.names.binder(target) if isinstance(target, ast.Name) else None
    return file.index.loads[binder].get(target.id, []) if binder and isinstance(target, ast.Name) else []
