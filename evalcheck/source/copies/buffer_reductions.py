"""Reductions over ranks of what norms keep: running variances, or buffers of any kind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.file import SourceFile
from evalcheck.source.models import tail_of
from evalcheck.source.values import assigned, identifiers, keyword, within

_REDUCES = re.compile(
    r"^_?(?:\w+_)?(?:all_?reduce|reduce_mean|all_reduce_mean|average_tensors?)(?:_\w+)?$", re.I
)
# What tells that the means' variance is taken in: squares of the means.
_SQUARES = re.compile(
    r"\*\* ?2|\.pow\(|\.square\(|square_|sqr|\bmeansq|mean_?sq|x2\b|mean \* |mean\*mean|std"
)
_AVERAGES = re.compile(r"world_size|get_world_size|num_gpus|n_gpus|size\b|mean|avg|average", re.I)


@dataclass(frozen=True)
class Reduction:
    """One call; ``all_buffers`` where it takes every buffer of a model, else running variances."""

    call: ast.Call
    all_buffers: bool


def reductions(file: SourceFile) -> Iterator[Reduction]:
    """Calls that average running variances, or all buffers, over ranks and nothing else."""
    for call in list(file.every_call()):
        name = tail_of(call.func)
        if not _REDUCES.match(name) or not call.args:
            continue
        found = _kind(file, call.args[0])
        if found is None or not _averaged(file, call) or _with_squares(file, call):
            continue
        yield Reduction(call, found == "buffers")


def _kind(file: SourceFile, node: ast.expr) -> str | None:
    """``variances`` or ``buffers`` where a value certainly is one of these."""
    node = _bare(node)
    if isinstance(node, ast.Attribute):
        return "variances" if node.attr == "running_var" else None
    if not isinstance(node, ast.Name):
        return None
    loop = _loop_over_buffers(file, node)
    if loop is not None:
        return _narrowed(file, node, loop)
    for value in assigned(file, node):
        for one in within(value):
            if isinstance(one, ast.Attribute) and one.attr == "running_var" and not _only_shape(file, one):
                return "variances"
    return _filled(file, node)


def _bare(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Attribute) and node.attr == "data":
        node = node.value
    return node


def _only_shape(file: SourceFile, node: ast.Attribute) -> bool:
    parent = file.parent(node)
    return isinstance(parent, ast.Call) and tail_of(parent.func).endswith("_like")


def _filled(file: SourceFile, name: ast.Name) -> str | None:
    """``running_vars[i] += bn.running_var / n``: a list that is filled entry by entry."""
    info = file.function_of(name)
    for node in within(info.node) if info else ():
        if isinstance(node, (ast.AugAssign, ast.Assign)):
            target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
            entry = isinstance(target, ast.Subscript) and tail_of(target.value) == name.id
            if entry and "running_var" in identifiers(node.value):
                return "variances"
    return None


def _loop_over_buffers(file: SourceFile, name: ast.Name) -> ast.For | None:
    for outer in file.ancestors(name):
        if isinstance(outer, ast.For) and any(
            isinstance(n, ast.Name) and n.id == name.id for n in within(outer.target)
        ):
            calls = [n for n in within(outer.iter) if isinstance(n, ast.Call)]
            if any(tail_of(c.func) in ("buffers", "named_buffers") for c in calls):
                return outer
            return None
    return None


def _narrowed(file: SourceFile, name: ast.Name, loop: ast.For) -> str | None:
    """What a loop over buffers takes: those that a test names, or all."""
    tests = [o.test for o in file.ancestors(name) if isinstance(o, ast.If) and loop in file.ancestors(o)]
    said = " ".join(ast.unparse(test) for test in tests)
    if not said:
        return "buffers"
    return "variances" if "running_var" in said else "buffers" if "floating" in said else None


def _averaged(file: SourceFile, call: ast.Call) -> bool:
    """Whether the sum is divided by the number of ranks, or the mean asked for."""
    op = keyword(call, "op") or (call.args[1] if len(call.args) > 1 else None)
    if op is not None and tail_of(op) in ("AVG", "MEAN"):
        return True
    if op is not None and tail_of(op) in ("MAX", "MIN", "PRODUCT", "BAND", "BOR"):
        return False
    if re.search(r"mean|average|scaled", tail_of(call.func)):
        return True
    info = file.function_of(call)
    return info is not None and any(_divides(node) for node in within(info.node))


def _divides(node: ast.AST) -> bool:
    if isinstance(node, (ast.AugAssign, ast.BinOp)) and isinstance(node.op, ast.Div):
        by = node.value if isinstance(node, ast.AugAssign) else node.right
        return any(_AVERAGES.search(name) for name in identifiers(by))
    if isinstance(node, ast.Call) and tail_of(node.func) in ("div_", "div") and node.args:
        return any(_AVERAGES.search(name) for name in identifiers(node.args[-1]))
    return False


def _with_squares(file: SourceFile, call: ast.Call) -> bool:
    info = file.function_of(call)
    return info is not None and _SQUARES.search(file.said(info.node)) is not None
