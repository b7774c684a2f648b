"""Whether a run of a model is evaluation, and by what one can tell."""

from __future__ import annotations

import ast
import re

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes import effects
from evalcheck.source.modes.state import Const, Value
from evalcheck.source.values import identifiers, within
from evalcheck.source.words import each

# Functions of frameworks, which call them in the right mode.
_HOOKS = re.compile(r"_step$|_step_end$|_epoch_end$|^on_|_callback$|_hook$|^configure_|_dataloader$|^setup$")
# Names that say evaluation by themselves; prediction and inference need more.
_STRONG = each("eval evaluate evaluation evaluating val valid validate validation validating test testing")
_MODE_ARGUMENTS = re.compile(r"^(?:is_?)?(?:train|training|mode|eval|test|dropout|mc_?dropout|deterministic)")


def evaluation(
    file: SourceFile, call: ast.Call, functions: tuple[FunctionInfo, ...], values: dict[str, Value]
) -> str:
    """By what a model call is evaluation, in words, or nothing."""
    if _excluded(file, call, functions):
        return ""
    here = functions[-1] if functions else None
    for outer in file.ancestors(call):
        if isinstance(outer, ast.For) and not _trains(outer) and (name := _held_out(outer.iter, values)):
            return f"the loop goes over {name}"
        if here is not None and outer is here.node:
            break
    without_gradients = _no_grad(file, call, functions)
    if here is not None and _trains(here.node):
        return ""
    for info in functions:
        parts = set(words.parts(info.name))
        if not words.says_evaluation(info.name) or _HOOKS.search(info.name):
            continue
        looped = any(isinstance(o, (ast.For, ast.While)) for o in file.ancestors(call))
        if without_gradients or (parts & _STRONG and looped and not _returns_loss(info)):
            return f"the function is called {info.name}"
    if without_gradients:
        given = [n for item in (*call.args, *(k.value for k in call.keywords)) for n in identifiers(item)]
        name = next((n for n in given if words.says_held_out_data(n)), "")
        return f"its input is {name}" if name else ""
    return ""


def _held_out(node: ast.expr, values: dict[str, Value]) -> str:
    """The name in the head of a loop that says that held-out data are gone through."""
    for one in within(node):
        texts = []
        if isinstance(one, ast.Name):
            value = values.get(one.id)
            texts = [one.id, *([value.value] if isinstance(value, Const) else [])]
        elif isinstance(one, ast.Attribute):
            texts = [one.attr]
        elif isinstance(one, ast.Constant):
            texts = [one.value]
        for text in texts:
            if isinstance(text, str) and len(text) < 40 and words.says_held_out_data(text):
                return text
    return ""


def _trains(node: ast.AST) -> bool:
    """Whether a training step stands in a piece of code."""
    return any(
        isinstance(n, ast.Attribute) and n.attr in ("backward", "manual_backward") for n in within(node)
    )


def _returns_loss(info: FunctionInfo) -> bool:
    """A function that gives a loss back inside of its loop may be a closure of training."""
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in within(info.node))


def _no_grad(file: SourceFile, call: ast.Call, functions: tuple[FunctionInfo, ...]) -> bool:
    """Whether gradients are switched off around the call or on a function on the way to it."""
    for outer in file.ancestors(call):
        if isinstance(outer, ast.With):
            for item in outer.items:
                node = item.context_expr
                node = node.func if isinstance(node, ast.Call) else node
                if effects.NO_GRAD.match(file.resolve(node) or ""):
                    return True
    for info in functions:
        for node in info.node.decorator_list:
            node = node.func if isinstance(node, ast.Call) else node
            if effects.NO_GRAD.match(file.resolve(node) or ""):
                return True
    return False


def _excluded(file: SourceFile, call: ast.Call, functions: tuple[FunctionInfo, ...]) -> bool:
    """Runs whose output nobody uses, that are told the mode, or that want the noise."""
    if isinstance(file.parent(call), ast.Expr):
        return True
    if any(k.arg is not None and _MODE_ARGUMENTS.match(k.arg) for k in call.keywords):
        return True
    for info in functions:
        owner = info.owner
        if owner is not None and owner.of_framework:
            return True
        texts = (info.name, info.docstring, owner.name if owner else "")
        if any(words.MEANT.search(t) or words.RE_ESTIMATION.search(t) for t in texts):
            return True
    return False
