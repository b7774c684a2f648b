"""Calls of functional batch norm, and whether they use the batch in eval mode."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.forwards import in_reach
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.gates import gated
from evalcheck.source.values import argument, assigned, identifiers, is_self, literal, unpacks, within

# Where the functions take the running mean, the running variance and the mode.
_POSITIONS = {"torch.nn.functional.batch_norm": (1, 2, 5), "torch.batch_norm": (3, 4, 5)}
_WEIGHT = re.compile(r"weight|kernel|filter", re.I)
_MEANT = re.compile(
    r"instance|adain|adaptive|meta|maml|transductive|test[_ -]?time|tent|standardi[sz]|style|modulat|"
    r"batch[_ ]?instance|ghost",
    re.I,
)


@dataclass(frozen=True)
class FunctionalNorm:
    """A call with ``training=True``, where that stands, and the function around it."""

    call: ast.Call
    training: ast.expr
    function: FunctionInfo
    kept: bool  # the running statistics are those of the module


def always_training(file: SourceFile) -> Iterator[FunctionalNorm]:
    """Functional batch norms that a forward runs in both modes with ``training=True``."""
    for call in file.every_call():
        positions = _POSITIONS.get(file.resolve(call.func) or "") if _is_named(call) else None
        if positions is None or unpacks(call):
            continue
        mean, variance, mode = positions
        training = argument(call, mode, "training")
        statistics = [argument(call, mean, "running_mean"), argument(call, variance, "running_var")]
        if training is None or literal(training) is not True or any(_none(file, one) for one in statistics):
            continue
        function, entry = file.function_of(call), in_reach(file, call)
        if function is None or entry is None or gated(file, call):
            continue
        if not _per_sample(file, call, statistics) and not _meant(file, call, function):
            yield FunctionalNorm(call, training, function, all(_own(function, one) for one in statistics))


def _is_named(call: ast.Call) -> bool:
    func = call.func
    return (func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")) == "batch_norm"


def _none(file: SourceFile, node: ast.expr | None) -> bool:
    """Whether the running statistics are or may be None: a norm by the batch or the sample alone."""
    if node is None or isinstance(node, (ast.IfExp, ast.BoolOp)):
        return True
    if isinstance(node, ast.Name):
        return any(_none(file, value) for value in assigned(file, node))
    return isinstance(node, ast.Constant)


def _own(function: FunctionInfo, node: ast.expr | None) -> bool:
    return isinstance(node, ast.Attribute) and is_self(node.value, function.receiver)


def _per_sample(file: SourceFile, call: ast.Call, statistics: list[ast.expr | None]) -> bool:
    """Whether a weight is normalised, or samples are folded into the channels (an instance norm)."""
    source = argument(call, 0, "input")
    nodes = [node for node in (source, *statistics) if node is not None]
    for name in [n for node in nodes for n in within(node) if isinstance(n, ast.Name)]:
        nodes += assigned(file, name)
    if source is not None and any(_WEIGHT.search(name) for name in identifiers(source)):
        return True
    calls = [n for node in nodes for n in within(node) if isinstance(n, ast.Call)]
    for one in calls:
        tail = getattr(one.func, "attr", "")
        if tail in ("repeat", "expand", "tile"):
            return True
        if tail in ("view", "reshape") and any(literal(a) == 1 for a in one.args[:2]):
            return True
    return False


def _meant(file: SourceFile, call: ast.Call, function: FunctionInfo) -> bool:
    owner = file.class_of(call)
    texts = [function.name, function.docstring, file.said(call), file.path.rpartition("/")[2]]
    if owner is not None:
        texts += [owner.name, ast.get_docstring(owner.node, clean=False) or ""]
    return any(_MEANT.search(text) or words.MEANT.search(text) for text in texts)
