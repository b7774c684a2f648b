"""Modes that are saved for a whole model and written back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.file import SourceFile
from evalcheck.source.values import assigned, is_self, within


@dataclass(frozen=True)
class Flattening:
    """Where a root's flag was saved, and where it is written to every submodule."""

    saved: ast.expr
    written: ast.AST


def flattenings(file: SourceFile) -> Iterator[Flattening]:
    """``was = model.training``, and then ``m.training = was`` for each m of ``model.modules()``."""
    for call in file.every_call():
        loop = file.parent(call)
        func = call.func
        if not isinstance(func, ast.Attribute) or func.attr != "modules" or not isinstance(loop, ast.For):
            continue
        if loop.iter is not call or not isinstance(loop.target, ast.Name):
            continue
        for part in loop.body:
            found = _written_back(file, part, loop.target.id, ast.dump(func.value))
            if found is not None:
                yield found


def _written_back(file: SourceFile, part: ast.stmt, name: str, root: str) -> Flattening | None:
    for node in within(part):
        value = _given(node, name)
        for saved in assigned(file, value) if isinstance(value, ast.Name) else ():
            if _is_flag(saved) and ast.dump(_root(saved)) == root:
                return Flattening(saved, node)
    return None


def _given(node: ast.AST, name: str) -> ast.expr | None:
    """What ``name.training = ...`` or ``name.train(...)`` gives to the module."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        return node.value if _is_flag(target) and is_self(_root(target), name) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) == 1:
        return node.args[0] if node.func.attr == "train" and is_self(node.func.value, name) else None
    return None


def wakes_frozen(file: SourceFile) -> Iterator[tuple[Flattening, ast.Call]]:
    """``model.train(was)`` in a file that holds a part of the same model in eval mode, with that call."""
    held: dict[str, ast.Call] = {}
    for call in file.every_call():
        part = call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr == "eval" else None
        if isinstance(part, ast.Attribute) and not call.args and _follows_train(file, call, part):
            held[ast.dump(part.value)] = call
    for call in file.every_call() if held else ():
        func = call.func
        if not isinstance(func, ast.Attribute) or func.attr != "train" or len(call.args) != 1:
            continue
        value, root = call.args[0], ast.dump(func.value)
        for saved in assigned(file, value) if isinstance(value, ast.Name) else ():
            if _is_flag(saved) and ast.dump(_root(saved)) == root and root in held:
                yield Flattening(saved, call), held[root]


def _is_flag(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "training"


def _root(node: ast.expr) -> ast.expr:
    """``model`` of ``model.backbone``."""
    return node.value if isinstance(node, ast.Attribute) else node


def _follows_train(file: SourceFile, call: ast.Call, part: ast.Attribute) -> bool:
    """Whether the same function puts the whole model in train mode: the part is held in eval on purpose."""
    info = file.function_of(call)
    scope = info.node if info is not None else file.tree
    return any(
        isinstance(other.func, ast.Attribute)
        and other.func.attr == "train"
        and not other.args
        and other.lineno < call.lineno
        and ast.dump(other.func.value) == ast.dump(part.value)
        for other in file.calls_in(scope)
    )
