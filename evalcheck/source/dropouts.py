"""Calls of functional dropout, and whether anything tells them the mode."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source import words
from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.forwards import in_reach, run_by_forward
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.gates import gated, mentions_mode
from evalcheck.source.values import argument, identifiers, is_parameter, literal, unpacks, within

# These drop by default; alpha_dropout and feature_alpha_dropout do not.
DROPPING = frozenset(
    f"torch.nn.functional.{name}" for name in ("dropout", "dropout1d", "dropout2d", "dropout3d")
)
_TRAINING_POSITION = 2
_LOSS = frozenset(("loss", "losses", "criterion"))


@dataclass(frozen=True)
class Dropout:
    """A call, what it calls, the function it stands in, and the function that a forward runs."""

    call: ast.Call
    name: str
    function: FunctionInfo
    entry: FunctionInfo


def ungated_dropouts(file: SourceFile) -> Iterator[Dropout]:
    """Functional dropouts that a forward of the file runs in both modes, and not on purpose."""
    if not file.mentions("dropout"):
        return
    for call in file.every_call():
        name = file.resolve(call.func) if _may_be_dropout(call) else None
        if name not in DROPPING or _told(call) or literal(argument(call, 1, "p")) == 0:
            continue
        function, entry = file.function_of(call), in_reach(file, call)
        if function is None or entry is None or _meant(file, call, function, run_by_forward(file)[entry]):
            continue
        if _used_by_training_only(file, run_by_forward(file)[entry]):
            continue
        if not (gated(file, call) or _rate_is_gated(file, call) or _chosen_later(file, call, function)):
            yield Dropout(call, name, function, entry)


def _may_be_dropout(call: ast.Call) -> bool:
    func = call.func
    tail = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    return "drop" in tail.lower()


def _told(call: ast.Call) -> bool:
    """Whether the mode is passed, or could be, out of a ``*`` or ``**``."""
    named = any(k.arg == "training" for k in call.keywords)
    return named or unpacks(call) or len(call.args) > _TRAINING_POSITION


def _rate_is_gated(file: SourceFile, call: ast.Call) -> bool:
    """Whether the rate itself depends on the mode, or is handed in by a caller who may see to it."""
    rate = argument(call, 1, "p")
    if rate is None:
        return False
    if mentions_mode(file, rate) or (isinstance(rate, ast.Name) and is_parameter(file, rate)):
        return True
    owner = file.class_of(call)
    properties = [
        owner.method(one.attr) for one in within(rate) if owner is not None and isinstance(one, ast.Attribute)
    ]
    return any(words.MODE.search(name) for method in properties if method for name in identifiers(method))


def _chosen_later(file: SourceFile, call: ast.Call, function: FunctionInfo) -> bool:
    """A noisy copy beside the clean value, in a function that looks at the mode elsewhere."""
    statement = file.statement(call)
    source = argument(call, 0, "input")
    if not isinstance(statement, ast.Assign) or statement.value is not call or source is None:
        return False
    target = statement.targets[0]
    same = isinstance(target, ast.Name) and any(name == target.id for name in identifiers(source))
    if same or not isinstance(target, ast.Name):
        return False
    tests = (n for n in within(function.node) if isinstance(n, (ast.If, ast.IfExp, ast.BinOp)))
    return any(
        mentions_mode(file, n.test if not isinstance(n, ast.BinOp) else n, 0)
        and target.id in set(identifiers(n))
        for n in tests
    )


def _used_by_training_only(file: SourceFile, owner: ClassInfo) -> bool:
    """Whether other modules of the file keep this one, and call it under a test of the mode alone."""
    kept: set[str] = set()
    for call in file.every_call():
        parent = file.parent(call)
        if file.classes.named(call.func) is owner and isinstance(parent, ast.Assign):
            kept.update(target.attr for target in parent.targets if isinstance(target, ast.Attribute))
    uses = [c for c in file.every_call() if isinstance(c.func, ast.Attribute) and c.func.attr in kept]
    return bool(uses) and all(gated(file, use) for use in uses)


def _meant(file: SourceFile, call: ast.Call, function: FunctionInfo, owner: ClassInfo) -> bool:
    """Whether names, docstrings or comments say that the noise is wanted, or the class sees to modes."""
    if owner.of_framework or any(owner.method(name) for name in ("train", "eval")):
        return True
    line = file.span(call).line
    texts = [
        file.said(call),
        file.lines.line(line - 1),
        function.name,
        function.docstring,
        file.path.rpartition("/")[2],
    ]
    outer = file.class_of(call)
    for one in {owner, outer} - {None}:
        assert one is not None
        texts += [one.name, ast.get_docstring(one.node, clean=False) or ""]
        if _LOSS & set(words.parts(one.name)):
            return True
    return any(words.MEANT.search(text) for text in texts)
