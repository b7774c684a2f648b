"""Averages over batches in evaluation: what is averaged, over which loader, and how."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source import words
from evalcheck.source.data.batch_values import is_batch_mean
from evalcheck.source.data.loaders import Loader, loaders, name_of
from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.values import assigned, keyword, literal, within
from evalcheck.source.words import each

_LOADER = re.compile(r"loader|(?:^|_)dl$|batches$|_iter(?:ator)?$", re.I)
_WRAPS = each("enumerate tqdm trange track progress_bar prefetch iter auto rich_tqdm islice")
_MEANS = each("numpy.mean numpy.average numpy.nanmean statistics.mean statistics.fmean")
_STACKS = each(
    "torch.stack torch.tensor torch.Tensor torch.FloatTensor torch.as_tensor numpy.array numpy.asarray"
)
_STEPS = each("backward step train_step train_on_batch")


@dataclass(frozen=True, eq=False)
class Average:
    """``place`` takes the average of ``what``; ``loader`` built what is read, where that can be seen."""

    place: ast.expr
    what: str
    over: str
    added: ast.AST
    loader: Loader | None


@dataclass(frozen=True, eq=False)
class Reading:
    """A loop that reads a loader once: ``over`` is the loader, ``index`` what counts its batches."""

    loop: ast.For
    scope: ast.AST
    over: ast.expr
    index: str


def averages(file: SourceFile) -> Iterator[Average]:
    """The averages of per-batch values over the number of batches, in loops that only evaluate."""
    for reading in evaluation_loops(file):
        for added, target, value in _kept(file, reading):
            if not is_batch_mean(file, value, name_of(target)):
                continue
            place = _taken(file, reading, added, target)
            if place is not None:
                loader = _constructor(file, reading)
                yield Average(place, name_of(target), ast.unparse(reading.over), added, loader)


def evaluation_loops(file: SourceFile) -> Iterator[Reading]:
    """The loops over loaders that evaluate and take no step."""
    seen: set[ast.AST] = set()
    for call in file.every_call():
        for loop in file.ancestors(call):
            if not isinstance(loop, ast.For) or loop in seen:
                continue
            seen.add(loop)
            over = _read(file, loop.iter)
            scope = next(iter(file.names.functions_around(loop)), None) or file.tree
            if over is not None and _evaluates(file, loop, scope, name_of(over)):
                yield Reading(loop, scope, over, _counter(loop))


def _read(file: SourceFile, node: ast.expr, steps: int = 4) -> ast.expr | None:
    """The loader in ``enumerate(tqdm(loader))``."""
    if isinstance(node, ast.Call) and name_of(node.func) in _WRAPS and node.args and steps:
        return _read(file, node.args[0], steps - 1)
    if isinstance(node, ast.Name) and not _LOADER.search(node.id) and steps:
        values = assigned(file, node)
        left = 0 if values and isinstance(values[0], ast.Name) else steps - 1
        return _read(file, values[0], left) if len(values) == 1 else None
    named = isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
    return node if named and _LOADER.search(ast.unparse(node)) else None


def _evaluates(file: SourceFile, loop: ast.For, scope: ast.AST, name: str) -> bool:
    """Whether a loop evaluates, by the names of its loader and of the functions around it."""
    calls = (n for n in within(loop) if isinstance(n, ast.Call))
    if any(isinstance(c.func, ast.Attribute) and c.func.attr in _STEPS for c in calls):
        return False
    if any(part in words.TRAINING for part in words.parts(name)):
        return False
    around = [n.name for n in (scope, *file.ancestors(scope)) if isinstance(n, FUNCTIONS)]
    return words.says_evaluation(name) or any(words.says_evaluation(one) for one in around)


def _counter(loop: ast.For) -> str:
    """The name that ``enumerate`` counts in."""
    counted = isinstance(loop.iter, ast.Call) and "enumerate(" in ast.unparse(loop.iter)
    first = loop.target.elts[0] if counted and isinstance(loop.target, ast.Tuple) else None
    return name_of(first) if first is not None else ""


def _kept(file: SourceFile, reading: Reading) -> Iterator[tuple[ast.stmt, ast.expr, ast.expr]]:
    """What a loop adds up or collects once per batch: the statement, what it is kept in, and the value."""
    for node in within(reading.loop):
        if not isinstance(node, (ast.AugAssign, ast.Expr)):
            continue
        loops = (o for o in file.ancestors(node) if isinstance(o, (ast.For, ast.While)))
        if next(loops, None) is not reading.loop:
            continue
        if isinstance(node, ast.AugAssign):
            if isinstance(node.op, ast.Add) and isinstance(node.target, (ast.Name, ast.Attribute)):
                yield node, node.target, node.value
        elif isinstance(call := node.value, ast.Call) and isinstance(call.func, ast.Attribute):
            kept = isinstance(call.func.value, (ast.Name, ast.Attribute))
            if kept and call.func.attr == "append" and len(call.args) == 1:
                yield node, call.func.value, call.args[0]


def _taken(file: SourceFile, reading: Reading, added: ast.stmt, target: ast.expr) -> ast.expr | None:
    """Where what was kept is divided by the number of batches, after the loop and in the same function."""
    if isinstance(added, ast.AugAssign) and isinstance(added.value, ast.BinOp):
        value = added.value
        if isinstance(value.op, ast.Div) and _counts(file, reading, value.right):
            return value
    kept, end = ast.unparse(target), reading.loop.end_lineno or 0
    for node in within(reading.scope):
        if getattr(node, "lineno", 0) <= end:
            continue
        begun = isinstance(node, ast.Assign) and any(ast.unparse(t) == kept for t in node.targets)
        if begun and isinstance(node, ast.Assign) and kept not in ast.unparse(node.value):
            return None  # for something else
        if isinstance(added, ast.Expr):
            if isinstance(node, ast.expr) and _mean_of_list(file, node, kept):
                return node
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            if _same(node.left, kept) and _counts(file, reading, node.right):
                return node
        elif (
            isinstance(node, ast.AugAssign)
            and isinstance(node.op, ast.Div)
            and ast.unparse(node.target) == kept
            and _counts(file, reading, node.value)
        ):
            return node.target
    return None


def _same(node: ast.expr, kept: str) -> bool:
    """``total``, ``total.item()``, or a hundred times that."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        node = node.right if isinstance(node.left, ast.Constant) else node.left
    return ast.unparse(node) in (kept, f"{kept}.item()", f"float({kept})")


def _counts(file: SourceFile, reading: Reading, node: ast.expr) -> bool:
    """The number of batches: ``len(loader)``, ``step + 1``, or a name for it."""
    if isinstance(node, ast.Call) and name_of(node.func) in ("float", "max") and node.args:
        return any(_counts(file, reading, argument) for argument in node.args)
    batches = f"len({ast.unparse(reading.over)})"
    if ast.unparse(node) in (batches, f"{reading.index} + 1"):
        return True
    if not isinstance(node, ast.Name):
        return False
    if any(ast.unparse(given) == batches for given in assigned(file, node)):
        return True
    steps = [n for n in within(reading.loop) if isinstance(n, ast.AugAssign) and name_of(n.target) == node.id]
    return bool(steps) and all(literal(n.value) == 1 and file.parent(n) is reading.loop for n in steps)


def _mean_of_list(file: SourceFile, node: ast.expr, kept: str) -> bool:
    """``np.mean(xs)``, ``sum(xs) / len(xs)``, ``torch.stack(xs).mean()``, ``torch.tensor(xs).mean()``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return ast.unparse(node) in (f"sum({kept}) / len({kept})", f"np.sum({kept}) / len({kept})")
    if not isinstance(node, ast.Call):
        return False
    if file.resolve(node.func) in _MEANS and len(node.args) == 1:
        return ast.unparse(node.args[0]) == kept and keyword(node, "weights", "axis") is None
    made = node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr == "mean" else None
    if not isinstance(made, ast.Call) or file.resolve(made.func) not in _STACKS or node.args:
        return False
    return bool(made.args) and ast.unparse(made.args[0]) == kept


def _constructor(file: SourceFile, reading: Reading) -> Loader | None:
    """The call that built the loader: in the same function, else the only one of the file under the name."""
    found = [loader for loader in loaders(file) if loader.bound == name_of(reading.over)]
    here = [
        loader for loader in found if (info := file.function_of(loader.call)) and info.node is reading.scope
    ]
    found = here or found
    return found[0] if len(found) == 1 else None
