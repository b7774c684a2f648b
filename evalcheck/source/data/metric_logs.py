"""Metrics of single batches that are summed up and divided by a number of steps."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source.data.loaders import name_of
from evalcheck.source.file import SourceFile

_STEP_COUNT = re.compile(r"steps|batches", re.I)


def metric_logs(file: SourceFile) -> Iterator[tuple[ast.BinOp, ast.Call]]:
    """The sums over metrics of batches that are divided by a number of steps, and where one is added.

    ``for name, values in logs.items(): report[name] = np.sum(values) / steps``
    """
    for calls in list(file.index.calls.values()):
        for call in calls:
            outer = file.parent(call)
            summed = file.resolve(call.func) == "numpy.sum" or name_of(call.func) == "sum"
            if not summed or not isinstance(outer, ast.BinOp) or not isinstance(outer.op, ast.Div):
                continue
            if len(call.args) != 1 or outer.left is not call or not _STEP_COUNT.search(name_of(outer.right)):
                continue
            logs = _items_of(file, call.args[0])
            added = next((c for c in calls if _adds_metric(c, logs)), None) if logs else None
            if added is not None:
                yield outer, added


def _items_of(file: SourceFile, values: ast.expr) -> str:
    """The dict that a loop takes these values from."""
    for loop in file.ancestors(values):
        if (
            isinstance(loop, ast.For)
            and isinstance(loop.target, ast.Tuple)
            and isinstance(loop.iter, ast.Call)
        ):
            func = loop.iter.func
            if name_of(loop.target.elts[-1]) == name_of(values) and name_of(func) == "items":
                return ast.unparse(func.value) if isinstance(func, ast.Attribute) else ""
    return ""


def _adds_metric(call: ast.Call, logs: str) -> bool:
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr != "append" or len(call.args) != 1:
        return False
    metric = isinstance(call.args[0], ast.Call) and "metric" in name_of(call.args[0].func).lower()
    return metric and isinstance(func.value, ast.Subscript) and ast.unparse(func.value.value) == logs
