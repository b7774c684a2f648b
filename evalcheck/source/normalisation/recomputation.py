"""What activation checkpointing runs a second time in the backward pass."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.normalisation.norm_layers import holds_batch_norm
from evalcheck.source.values import assigned, binding_scope, is_self, self_attributes, within

_FUNCTIONS = frozenset(f"torch.utils.checkpoint.{n}" for n in ("checkpoint", "checkpoint_sequential"))


@dataclass(frozen=True)
class Recomputed:
    """A call of checkpoint, the batch norm that it runs twice, and whether an option asks for it."""

    call: ast.Call
    norm: ast.Call
    optional: bool


def recomputed_norms(file: SourceFile) -> Iterator[Recomputed]:
    """Checkpointed functions and modules that hold a batch norm for certain."""
    for call in file.every_call():
        if not call.args or file.resolve(call.func) not in _FUNCTIONS:
            continue
        owner = file.class_of(call)
        if owner is None or owner.method("train") is not None:
            continue
        norm = next(_norms_run(file, owner, call.args[0], 3), None)
        if norm is not None:
            yield Recomputed(call, norm, _behind_option(file, call))


def _norms_run(file: SourceFile, owner: ClassInfo, node: ast.expr, steps: int) -> Iterator[ast.Call]:
    """The batch norms that calling an expression runs."""
    if steps <= 0:
        return
    if isinstance(node, ast.Lambda):
        yield from _norms_called(file, owner, node, steps)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        info = file.functions.method_around(node)
        if info is None or not is_self(node.value, info.receiver):
            return
        method = owner.methods.get(node.attr)
        if method is not None:
            yield from _norms_called(file, owner, method, steps)
        else:
            yield from _norms_kept(file, owner, node.attr)
    elif isinstance(node, ast.Name):
        here = _nested(file, node)
        if here is not None:
            yield from _norms_called(file, owner, here, steps)
        for kept in _looped(file, node):
            yield from _norms_run(file, owner, kept, steps - 1)
        for value in assigned(file, node):
            yield from _norms_run(file, owner, value, steps - 1)


def _norms_called(file: SourceFile, owner: ClassInfo, function: ast.AST, steps: int) -> Iterator[ast.Call]:
    for call in file.calls_in(function):
        if isinstance(call.func, ast.Attribute):
            yield from _norms_run(file, owner, call.func, steps - 1)


def _norms_kept(file: SourceFile, owner: ClassInfo, name: str) -> Iterator[ast.Call]:
    """The batch norms in what a class keeps under a name, put there at once or one by one."""
    values = [value for _, value in self_attributes(file, owner).get(name, [])]
    for method in owner.methods.values():
        for call in file.calls_in(method):
            func = call.func
            appends = isinstance(func, ast.Attribute) and func.attr == "append" and call.args
            if appends and isinstance(func, ast.Attribute) and getattr(func.value, "attr", "") == name:
                values.append(call.args[0])
    for value in values:
        found = holds_batch_norm(file, value)
        if found is not None:
            yield found


def _nested(file: SourceFile, name: ast.Name) -> ast.AST | None:
    """A function defined within the function around a name."""
    for scope in file.names.functions_around(name):
        for inner in file.index.inner.get(scope, ()):
            if isinstance(inner, ast.FunctionDef) and inner.name == name.id:
                return inner
    return None


def _looped(file: SourceFile, name: ast.Name) -> Iterator[ast.expr]:
    """What a loop variable goes through: ``self.blocks`` in ``for block in self.blocks``."""
    for store in file.index.stores[binding_scope(file, name)].get(name.id, ()):
        loop = next((o for o in file.ancestors(store) if isinstance(o, (ast.For, ast.comprehension))), None)
        if loop is None or store not in within(loop.target) or loop not in set(file.ancestors(name)):
            continue  # the loop of another place
        iterated = loop.iter
        if (
            isinstance(iterated, ast.Call)
            and getattr(iterated.func, "id", "") == "enumerate"
            and iterated.args
        ):
            iterated = iterated.args[0]
        if isinstance(iterated, ast.Attribute):
            yield iterated


def _behind_option(file: SourceFile, call: ast.Call) -> bool:
    """Whether a condition decides on the call, in its function or where that is called."""
    if any(isinstance(outer, (ast.If, ast.IfExp)) for outer in file.ancestors(call)):
        return True
    info = file.functions.method_around(call)
    callers = file.functions.callers(info) if info is not None else []
    return bool(callers) and all(
        any(isinstance(outer, (ast.If, ast.IfExp)) for outer in file.ancestors(caller)) for caller in callers
    )
