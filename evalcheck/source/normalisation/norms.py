"""Batch norms in the source, and writes to what they keep."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.forwards import in_reach, run_by_forward
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.gates import mentions_mode
from evalcheck.source.switches.mode_sides import side
from evalcheck.source.values import assigned, is_self, self_attributes, within

SETTINGS = frozenset(("momentum", "eps", "track_running_stats"))
STATISTICS = frozenset(("running_mean", "running_var"))
_IN_PLACE = re.compile(r"^(?:copy|fill|zero|mul|add|sub|div|lerp|set)_$")
_NORM = re.compile(r"^torch\.nn\.(?:Lazy|Sync)?(?:BatchNorm|InstanceNorm)|_BatchNorm$|_NormBase$")
_NAMED = re.compile(r"(?:^|_)(?:bn|bns|batch_?norms?)\d*(?:_|$)", re.I)


@dataclass(frozen=True)
class Write:
    """Something written to a norm: where, what, in which function, and where the norm was built."""

    node: ast.expr
    attribute: str
    function: FunctionInfo
    by_mode: bool
    built: ast.AST | None


def writes(file: SourceFile) -> Iterator[Write]:
    """Writes to norms that forward makes, or whose value depends on the mode."""
    if not file.mentions(*SETTINGS, *STATISTICS):
        return
    for scope, attributes in list(file.index.attributes.items()):
        info = file.functions.by_node.get(scope)
        if info is None or _meant(info):
            continue
        for node in attributes:
            if node.attr in SETTINGS | STATISTICS and (value := _written(file, node)) is not None:
                yield from _judged(file, node, value, info)


def _judged(file: SourceFile, node: ast.Attribute, value: ast.expr, info: FunctionInfo) -> Iterator[Write]:
    by_mode = mentions_mode(file, value, 1) and node.attr in SETTINGS and isinstance(value, ast.IfExp)
    entry = in_reach(file, node)
    if not by_mode and (entry is None or run_by_forward(file)[entry].of_framework):
        return
    is_norm, built = _norm(file, node.value)
    if is_norm and node.attr in STATISTICS and side(file, node) == "train":
        return  # train mode is where statistics move, by the module's own rule here; eval mode only reads
    if is_norm and not _put_back(file, node, info) and not _only_cast(value):
        yield Write(node, node.attr, info, by_mode, built)


def _written(file: SourceFile, node: ast.Attribute) -> ast.expr | None:
    """What is written to an attribute, or None where it is only read."""
    parent = file.parent(node)
    if isinstance(node.ctx, ast.Store):
        if isinstance(parent, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            return parent.value
        return None
    if node.attr not in STATISTICS:
        return None
    if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
        return parent
    outer = file.parent(parent) if parent is not None else None
    if isinstance(parent, ast.Attribute) and isinstance(outer, ast.Call) and outer.func is parent:
        return outer if _IN_PLACE.match(parent.attr) else None
    return None


def _norm(file: SourceFile, node: ast.expr) -> tuple[bool, ast.AST | None]:
    """Whether an expression is a norm of torch, and where it was built."""
    owner, info = file.class_of(node), file.functions.method_around(node)
    if info is not None and is_self(node, info.receiver):
        return False, None  # a norm that keeps its own statistics
    if isinstance(node, ast.Subscript) and not isinstance(node.value, ast.Name):
        return _norm(file, node.value)
    if isinstance(node, ast.Attribute) and owner and info and is_self(node.value, info.receiver):
        values = [value for _, value in self_attributes(file, owner).get(node.attr, [])]
        for value in values:
            if any(
                isinstance(n, ast.Call) and _NORM.search(file.resolve(n.func) or "") for n in within(value)
            ):
                return True, value
        return not values and bool(_NAMED.search(node.attr)), None
    if isinstance(node, ast.Name):
        if _tested_as_norm(file, node):
            return True, None
        for value in assigned(file, node):
            if isinstance(value, (ast.Attribute, ast.Subscript)):
                return _norm(file, value)
    return False, None


def _tested_as_norm(file: SourceFile, name: ast.Name) -> bool:
    """Whether an ``isinstance(name, BatchNorm)`` stands around."""
    for outer in file.ancestors(name):
        if not isinstance(outer, ast.If):
            continue
        for call in within(outer.test):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func.id == "isinstance"
                and isinstance(call.args[0], ast.Name)
                and call.args[0].id == name.id
                and any(_NORM.search(file.resolve(n) or "") for n in within(call.args[-1]))
            ):
                return True
    return False


def _put_back(file: SourceFile, node: ast.Attribute, info: FunctionInfo) -> bool:
    """Whether the function writes the attribute again from what it had saved."""
    same = [
        other
        for other in file.index.attributes.get(info.node, [])
        if other.attr == node.attr and isinstance(other.ctx, ast.Store)
    ]
    values = [getattr(file.parent(other), "value", None) for other in same]
    return len(same) > 1 and any(
        isinstance(value, ast.Name) and any(isinstance(v, ast.Attribute) for v in assigned(file, value))
        for value in values
    )


def _only_cast(value: ast.expr) -> bool:
    """``running_mean.float()``: the same numbers in another type or place."""
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in ("float", "half", "double", "to", "type", "clone", "detach", "contiguous")
        and isinstance(value.func.value, ast.Attribute)
        and value.func.value.attr in STATISTICS
    )


def _meant(info: FunctionInfo) -> bool:
    texts = [info.name, info.docstring, info.owner.name if info.owner else ""]
    return any(words.RE_ESTIMATION.search(text) for text in texts)


def switched_off(file: SourceFile) -> Iterator[ast.Attribute]:
    """``norm.track_running_stats = False`` outside of what builds, freezes or puts back."""
    for scope, attributes in list(file.index.attributes.items()):
        info = file.functions.by_node.get(scope)
        if info is None or _meant(info) or "freeze" in info.name.lower() or "frozen" in info.name.lower():
            continue
        for node in attributes:
            if node.attr != "track_running_stats" or not isinstance(node.ctx, ast.Store):
                continue
            value = _written(file, node)
            if not isinstance(value, ast.Constant) or value.value is not False or in_reach(file, node):
                continue  # in a forward it is the business of batchnorm-momentum-mutated
            if _norm(file, node.value)[0] and not _put_back(file, node, info):
                yield node


def names_norm(file: SourceFile, node: ast.expr) -> bool:
    """Whether an expression names a batch norm class of torch."""
    found = file.resolve(node) or ""
    return "Instance" not in found and bool(_NORM.search(found))
