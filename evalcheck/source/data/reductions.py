"""Whether what computes a value reduces it by a sum, or not at all, as far as a file shows."""

from __future__ import annotations

import ast
import re

from evalcheck.source.data.loaders import name_of
from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.values import assigned
from evalcheck.source.words import each

_SUMS = re.compile(r"reduction\W{1,3}(?:sum|none)\b|size_average\W{1,3}False")
_MODEL = each("forward __call__")


def may_be_summed(file: SourceFile, value: ast.expr, sources: list[ast.expr]) -> bool:
    """Whether the function around a value speaks of sums, or what computes the value may be told to sum.

    What another function of the file computes for itself is no reason.
    """
    info = file.function_of(value)
    if info is None or _SUMS.search(file.said(info.node)):
        return bool(_SUMS.search(file.text))
    if not _SUMS.search(file.text):
        return False
    return any(_unclear(file, source) for source in sources)


def _unclear(file: SourceFile, source: ast.expr) -> bool:
    """Whether the call that computes a value, or something of its name, may be told to sum elsewhere."""
    func = source.func if isinstance(source, ast.Call) else None
    if func is not None:
        if (file.resolve(func) or "").startswith("torch.") or name_of(func) == "mean":
            return False  # it stands in the function and says nothing of sums
        given = assigned(file, func) if isinstance(func, ast.Name) else []
        if given and all(isinstance(one, ast.Call) for one in given):
            return any(_SUMS.search(ast.unparse(one)) for one in given)
    names = {name_of(func) if func is not None else "", *_MODEL}
    bodies = (node for node in file.index.functions if node.name in names)
    kinds = (owner.node for owner in file.classes if owner.name in names)
    if any(_SUMS.search(file.said(node)) for node in (*bodies, *kinds)):
        return True
    return any(_built_to_sum(file, call) for call in file.every_call())


def _built_to_sum(file: SourceFile, call: ast.Call) -> bool:
    """``criterion = nn.MSELoss(reduction="sum")``, unless only the function around it can call it."""
    tail = name_of(call.func)
    if not (tail[:1].isupper() or tail == "partial") or not _SUMS.search(ast.unparse(call)):
        return False
    parent = file.parent(call)
    if not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
        return True
    name = parent.targets[0]
    scope = file.names.binder(name)
    if not isinstance(scope, FUNCTIONS):
        return True
    loads = file.index.loads.get(scope, {}).get(name.id, ())
    return any(getattr(file.parent(load), "func", None) is not load for load in loads)
