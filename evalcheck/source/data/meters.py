"""Meters that average what they are told, and whether they are told how many samples it stands for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evalcheck.source import words
from evalcheck.source.data.batch_values import is_batch_mean
from evalcheck.source.data.loaders import name_of
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.names import parameters
from evalcheck.source.values import within

_METER = re.compile(r"^(?:Running)?(?:Average|Avg)(?:Value)?Meter$")
_TIME = re.compile(r"time|lr|memory|norm|speed|throughput", re.I)
_PHASES = ("phase", "mode", "stage", "split")
_STEPS = ("backward", "step", "train_step")


@dataclass(frozen=True, eq=False)
class Update:
    """An update without a weight. ``certain`` where the code around it is seen to evaluate."""

    call: ast.Call
    meter: str
    certain: bool


def unweighted_updates(file: SourceFile) -> Iterator[Update]:
    """The updates of average meters in evaluation code that leave the number of samples out."""
    meters = set(_meters(file))
    if not meters or not _knows_weights(file):
        return
    for call in list(file.every_call()):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "update":
            continue
        name = _root(call.func.value)
        if (
            name not in meters
            or len(call.args) != 1
            or call.keywords
            or isinstance(call.args[0], ast.Starred)
        ):
            continue
        info = file.function_of(call)
        evaluates = _evaluates(file, call, info)
        said = f"{ast.unparse(call.func.value)}"
        if (
            evaluates is None
            or _TIME.search(ast.unparse(call))
            or not is_batch_mean(file, call.args[0], said)
        ):
            continue
        yield Update(call, said, evaluates)


def _meters(file: SourceFile) -> Iterator[str]:
    """The names and attributes that hold meters, alone or in dicts and lists."""
    for call in file.every_call():
        if _METER.match(name_of(call.func)):
            for outer in file.ancestors(call):
                if isinstance(outer, (ast.Assign, ast.AnnAssign)):
                    targets = outer.targets if isinstance(outer, ast.Assign) else [outer.target]
                    yield from (_root(target) for target in _single(targets))
                if isinstance(outer, ast.stmt):
                    break


def _single(targets: Sequence[ast.expr]) -> Iterator[ast.expr]:
    for target in targets:
        yield from target.elts if isinstance(target, ast.Tuple) else [target]


def _knows_weights(file: SourceFile) -> bool:
    """Whether the meter takes a weight: unless its class can be seen and its update takes one value only."""
    for call in file.every_call():
        if _METER.match(name_of(call.func)) and (owner := file.classes.named(call.func)) is not None:
            update = owner.method("update")
            return update is not None and len(parameters(update)) > 2
    return True


def _root(node: ast.expr) -> str:
    """The variable or attribute behind ``self.meters[phase]["loss"]``."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return name_of(node)


def _evaluates(file: SourceFile, call: ast.Call, info: FunctionInfo | None) -> bool | None:
    """True in evaluation code, False where the phase is a parameter, None in training."""
    loop = next((o for o in file.ancestors(call) if isinstance(o, (ast.For, ast.While))), None)
    calls = [n for n in within(loop or (info.node if info else call)) if isinstance(n, ast.Call)]
    if any(isinstance(c.func, ast.Attribute) and c.func.attr in _STEPS for c in calls):
        return None
    around = [n.name for n in file.ancestors(call) if isinstance(n, FUNCTIONS)]
    if loop is not None and any(words.says_evaluation(name) for name in around):
        return True
    assert isinstance(call.func, ast.Attribute)
    keys = [n.slice for n in within(call.func.value) if isinstance(n, ast.Subscript)]
    names = [key for key in keys if isinstance(key, ast.Name) and key.id in _PHASES]
    return False if names and info is not None and names[0].id in info.parameters else None
