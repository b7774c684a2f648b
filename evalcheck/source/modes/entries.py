"""Where runs on paper begin: a file's own statements, and functions that nobody in it calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.layers import torch_layer
from evalcheck.source.modes import effects
from evalcheck.source.modes.builders import builds_known_model
from evalcheck.source.modes.dotted import dotted
from evalcheck.source.modes.names_of_models import says_model

_USES = re.compile(
    r"no_grad|inference_mode|backward\(|eval|valid|val_|test|dev_|infer|predict|export|\.(?:trace|script)\(|fuse_"
)


def entries(file: SourceFile) -> Iterator[FunctionInfo | None]:
    """The file itself, then functions of nobody in the file from which a change of mode is reached."""
    callers = _callers(file)
    ways = _with_builders(file, callers)
    touching = _reached(file, ways, [i for i in file.functions if _touches(file, i)])
    if not file.mentions(".eval(", ".train(") and any(_matters(file, c) for c in file.calls_in(file.tree)):
        touching.update(file.functions)  # what the file builds at its top may be used by any of them
    touching &= _reached(file, ways, [i for i in file.functions if _uses(i)])
    yield None
    for info in file.functions:
        if info in touching and not callers.get(info) and not (info.owner and info.owner.of_framework):
            yield info
    for info in file.functions:  # called only by each other
        if info in touching and callers.get(info) and not (info.owner and info.owner.of_framework):
            yield info


def _callers(file: SourceFile) -> dict[FunctionInfo, list[FunctionInfo | None]]:
    """Who in the file calls a function of the file; no other file is opened for it."""
    found: dict[FunctionInfo, list[FunctionInfo | None]] = {}
    names = {info.name for info in file.functions}
    for call in file.every_call():
        func = call.func
        name = func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")
        if name not in names or name in file.names.imported:
            continue
        reached = _local(file, call, name)
        if reached is not None:
            found.setdefault(reached, []).append(file.function_of(call))
    return found


def _with_builders(
    file: SourceFile, callers: dict[FunctionInfo, list[FunctionInfo | None]]
) -> dict[FunctionInfo, list[FunctionInfo | None]]:
    """The same, and who builds an object may call each of its methods."""
    ways = {info: list(found) for info, found in callers.items()}
    for call in file.every_call():
        kind = file.classes.at_top(call.func)
        for method in kind.methods.values() if kind is not None else ():
            ways.setdefault(file.functions.by_node[method], []).append(file.function_of(call))
    return ways


def _local(file: SourceFile, call: ast.Call, name: str) -> FunctionInfo | None:
    func = call.func
    if isinstance(func, ast.Name):
        return file.callee(call)
    method = file.functions.method_around(call)
    receiver = getattr(func, "value", None)
    owner = method.owner if method is not None else None
    if method is None or owner is None or name not in owner.methods:
        return None
    itself = isinstance(receiver, ast.Name) and receiver.id == method.receiver
    return file.functions.by_node[owner.methods[name]] if itself else None


def _reached(
    file: SourceFile, callers: dict[FunctionInfo, list[FunctionInfo | None]], first: list[FunctionInfo]
) -> set[FunctionInfo]:
    """Some functions and those that call them, directly or through others."""
    reached: set[FunctionInfo] = set()
    waiting: list[FunctionInfo | None] = [*first]
    while waiting:
        info = waiting.pop()
        if info is None or info in reached:
            continue
        reached.add(info)
        waiting.extend(callers.get(info, ()))
        if info.owner is None and isinstance(info.scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting.append(file.functions.by_node[info.scope])
    return reached


def _uses(info: FunctionInfo) -> bool:
    """Whether a function says anything of evaluation, of a training step, or of an export."""
    nodes = (info.node, *info.node.decorator_list)
    return any(_USES.search(line) for node in nodes for line in info.file.said(node).split("\n"))


def _touches(file: SourceFile, info: FunctionInfo) -> bool:
    """Whether a function changes a mode, builds a model or hands one on."""
    return any(_matters(file, call) for call in file.calls_in(info.node))


def _matters(file: SourceFile, call: ast.Call) -> bool:
    func = call.func
    if isinstance(func, ast.Attribute) and func.attr in ("train", "eval"):
        return True
    name = dotted(file.resolve, func)
    if effects.EXPORTS.match(name) or effects.FUSIONS.match(name):
        return True
    here = file.classes.at_top(func)
    if here is not None:
        return bool(here.node.bases) and not _in_init(file, call)
    if torch_layer(file, call) is not None:
        return not _in_init(file, call)
    if builds_known_model(file, call, name) is not None:
        return True
    handed = any(says_model(n) for n in map(_name, call.args) if n)
    return file.project is not None and handed and words.says_evaluation(name.rpartition(".")[2])


def _in_init(file: SourceFile, call: ast.Call) -> bool:
    method = file.functions.method_around(call)
    return method is not None and method.name == "__init__"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
