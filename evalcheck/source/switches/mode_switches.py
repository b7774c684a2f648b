"""Modes that are switched while a module's forward runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.forwards import in_reach, run_by_forward
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.values import identifiers, is_self, literal, within


@dataclass(frozen=True)
class Switch:
    """A call of train() or eval(), or a write of ``training``, on ``self`` or a part of it."""

    node: ast.expr
    target: str
    to_train: bool | None  # None where the value is not a literal
    function: FunctionInfo


def switches_in_forward(file: SourceFile) -> Iterator[Switch]:
    """Switches that a forward makes in whatever mode it runs, and does not take back."""
    for scope, attributes in list(file.index.attributes.items()):
        info = file.functions.by_node.get(scope)
        if info is None or info.owner is None or info.receiver is None:
            continue
        for node in attributes:
            if node.attr not in ("train", "eval", "training"):
                continue
            switch = _switch(file, node, info)
            if switch is None or _only_in_one_mode(file, node) or _taken_back(file, info) or _meant(info):
                continue
            entry = in_reach(file, node)
            if entry is not None and not run_by_forward(file)[entry].of_framework:
                yield switch


def _switch(file: SourceFile, node: ast.Attribute, info: FunctionInfo) -> Switch | None:
    target = _path(node.value, info.receiver or "")
    if target is None:
        return None
    parent = file.parent(node)
    if node.attr == "training":
        if not isinstance(node.ctx, ast.Store) or not isinstance(parent, ast.Assign):
            return None
        value = literal(parent.value)
        passed_on = any("training" in name or name == "mode" for name in identifiers(parent.value))
        return None if passed_on else Switch(node, target, value if isinstance(value, bool) else None, info)
    if (
        not isinstance(parent, ast.Call)
        or parent.func is not node
        or len(parent.args) + len(parent.keywords) > 1
    ):
        return None
    given = parent.args[0] if parent.args else parent.keywords[0].value if parent.keywords else None
    if node.attr == "eval":
        return Switch(parent, target, False, info) if given is None else None
    value = True if given is None else literal(given)
    return Switch(parent, target, value, info) if isinstance(value, bool) else None


def _path(node: ast.expr, receiver: str) -> str | None:
    """``self.a.b`` as text, for a path that begins with the module itself."""
    if is_self(node, receiver):
        return receiver
    if isinstance(node, ast.Attribute) and (base := _path(node.value, receiver)) is not None:
        return f"{base}.{node.attr}"
    return None


def _only_in_one_mode(file: SourceFile, node: ast.AST) -> bool:
    """Whether the module's own flag decides on it: then the mode is followed and not changed."""
    return any(
        isinstance(outer, (ast.If, ast.IfExp))
        and any(isinstance(one, ast.Attribute) and one.attr == "training" for one in within(outer.test))
        for outer in file.ancestors(node)
    )


def _taken_back(file: SourceFile, info: FunctionInfo) -> bool:
    """Whether the function saves a mode, or is a context that others enter and leave."""
    for node in within(info.node):
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if isinstance(node, ast.Assign) and any(
            isinstance(one, ast.Attribute) and one.attr == "training" and isinstance(one.ctx, ast.Load)
            for one in within(node.value)
        ):
            return True
    return False


def for_inference_only(info: FunctionInfo) -> bool:
    """Whether a decorator says that the function never records gradients: it is no part of training."""
    names = (info.file.resolve(d.func if isinstance(d, ast.Call) else d) for d in info.node.decorator_list)
    return any(name in ("torch.no_grad", "torch.inference_mode") for name in names)


def for_training(switch: Switch) -> bool:
    """Whether the caller says that this is training: by a flag, a name, or targets and a loss of them."""
    info = switch.function
    for outer in info.file.ancestors(switch.node):
        if isinstance(outer, (ast.If, ast.IfExp)) and any(
            "train" in name for name in identifiers(outer.test)
        ):
            return True
    if "train" in info.name or "loss" in info.name:
        return True
    given = any(name.startswith(("target", "label")) for name in info.parameters)
    return given and "loss" in info.file.said(info.node)


def set_before(switch: Switch, others: list[Switch]) -> bool:
    """Whether the same forward has put the very same part in the other mode before."""
    return any(
        other.function is switch.function
        and other.target == switch.target
        and other.to_train is not switch.to_train
        and other.node.lineno < switch.node.lineno
        for other in others
    )


def _meant(info: FunctionInfo) -> bool:
    texts = [info.name, info.docstring]
    if info.owner is not None:
        texts += [info.owner.name, ast.get_docstring(info.owner.node, clean=False) or ""]
    return any(words.MEANT.search(text) or words.RE_ESTIMATION.search(text) for text in texts)
