"""Calls that build a model, and what is known of the one they build."""

from __future__ import annotations

import ast

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.layers import CONTAINERS, class_depends_on_mode, depends_on_mode, torch_layer
from evalcheck.source.modes.state import Obj
from evalcheck.source.values import within


def built_object(file: SourceFile, call: ast.Call, kind: ClassInfo | None) -> Obj | None:
    """The model that a call builds, in the train mode that every module is born in."""
    if kind is not None:
        if not kind.is_module or kind.of_framework or _sees_to_its_mode(file, kind):
            return None
        return Obj(kind, None, class_depends_on_mode(file, kind), call)
    name = file.resolve(call.func) or ""
    if name in CONTAINERS:
        return Obj(None, None, _of_sequence(file, call), call)
    if torch_layer(file, call) is not None:
        return Obj(None, None, depends_on_mode(file, call), call)
    tail = name.rpartition(".")[2]
    if name.startswith("torchvision.models.") and tail.islower():
        return Obj(None, None, True, call)
    return None


def _sees_to_its_mode(file: SourceFile, kind: ClassInfo) -> bool:
    """Whether a class has its own train() or eval(), or calls one when it is built."""
    if kind.method("train") or kind.method("eval"):
        return True
    init = kind.method("__init__")
    calls = file.calls_in(init) if init else []
    return any(isinstance(c.func, ast.Attribute) and c.func.attr in ("eval", "train") for c in calls)


def _of_sequence(file: SourceFile, call: ast.Call) -> bool | None:
    """Whether any layer written in a container depends on the mode."""
    verdict: bool | None = False
    for item in call.args:
        inner = [n for n in within(item) if isinstance(n, ast.Call)]
        if not inner:
            verdict = None
        for one in inner:
            kind = file.classes.named(one.func)
            found = class_depends_on_mode(file, kind) if kind else depends_on_mode(file, one)
            if found:
                return True
            verdict = None if found is None else verdict
    return verdict
