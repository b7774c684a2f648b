"""What a file does with a model that it knows by some names: evaluates it, saves it."""

from __future__ import annotations

import ast

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.models import tail_of
from evalcheck.source.values import within


def told_train(file: SourceFile, names: set[str]) -> bool:
    """Whether ``train()`` is called on a model of one of these names."""
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "train"
        and not _means_eval(call, "train")
        and tail_of(_bare(call.func.value)) in names
        for call in file.every_call()
    )


def told_eval(file: SourceFile, names: set[str], inside: ast.AST | None = None) -> ast.Call | None:
    """A call of ``eval()`` on a model of one of these names, within a node where one is given."""
    for call in file.every_call():
        func = call.func
        if not isinstance(func, ast.Attribute) or not _means_eval(call, func.attr):
            continue
        if tail_of(_bare(func.value)) in names and (inside is None or inside in file.ancestors(call)):
            return call
    return None


def _means_eval(call: ast.Call, method: str) -> bool:
    if method == "eval":
        return not call.args and not call.keywords
    given = [*call.args, *(k.value for k in call.keywords)]
    return method == "train" and any(isinstance(a, ast.Constant) and a.value is False for a in given)


def _bare(node: ast.expr) -> ast.expr:
    """``ema`` in ``ema.to(device)``."""
    while (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("to", "cuda")
    ):
        node = node.func.value
    return node


def built_in_eval(file: SourceFile, names: set[str]) -> ast.Call | None:
    """``ema = deepcopy(model).eval()``: the call that both builds the model and sets the mode."""
    for call in file.every_call():
        if isinstance(call.func, ast.Attribute) and call.func.attr == "eval" and not call.args:
            parent = file.parent(call)
            while isinstance(parent, (ast.Call, ast.Attribute)):
                parent = file.parent(parent)
            if isinstance(parent, ast.Assign) and any(tail_of(t) in names for t in parent.targets):
                return call
    return None


def evaluated(file: SourceFile, names: set[str]) -> ast.Call | None:
    """A call that evaluates the model: eval() on it, or a function that says so and is given it."""
    found = told_eval(file, names) or built_in_eval(file, names)
    if found is not None:
        return found
    for call in file.every_call():
        if words.says_evaluation(tail_of(call.func)) and any(tail_of(a) in names for a in call.args):
            return call
    return None


def saved(file: SourceFile, names: set[str]) -> ast.Call | None:
    """A ``torch.save`` of the model or of its state."""
    for call in file.every_call():
        if file.resolve(call.func) != "torch.save" or not call.args:
            continue
        for node in within(call.args[0]):
            if isinstance(node, (ast.Name, ast.Attribute)) and tail_of(node) in names:
                return call
    return None
