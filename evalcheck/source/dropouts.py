"""Functional dropout, and dropout layers built where they are used: does anything tell them the mode?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from evalcheck.source import words
from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.forwards import in_reach, run_by_forward
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.gates import gated, mentions_mode
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.layers import torch_layer
from evalcheck.source.values import (
    UNKNOWN,
    argument,
    assigned,
    identifiers,
    is_parameter,
    literal,
    unpacks,
    within,
)
from evalcheck.source.wanted_noise import said_around, wanted

# These drop by default; alpha_dropout and feature_alpha_dropout do not.
DROPPING = frozenset(
    f"torch.nn.functional.{name}" for name in ("dropout", "dropout1d", "dropout2d", "dropout3d")
)
# These take the mode, whatever their default.
FUNCTIONAL = DROPPING | frozenset(
    ("torch.nn.functional.alpha_dropout", "torch.nn.functional.feature_alpha_dropout", "torch.dropout")
)
_LAYER = re.compile(r"(?:Alpha|FeatureAlpha)?Dropout[123]?d?$")
_TRAINING_POSITION = 2
# What a comment beside a literal True says when somebody thought of it.
_SAID = re.compile(r"#.*(?:forc|sampl|eval|active|on even|keep)", re.I)


@dataclass(frozen=True)
class Dropout:
    """A call, what it calls, the function it stands in, and the function that a forward runs, if it is known.

    ``built`` is the call that builds the layer, where it is not a function that is called.
    """

    call: ast.Call
    name: str
    function: FunctionInfo
    entry: FunctionInfo | None
    built: ast.Call | None = None


def ungated_dropouts(file: SourceFile) -> Iterator[Dropout]:
    """Dropouts that a forward of the file runs in both modes without telling them, and not on purpose."""
    for call in file.every_call():
        built = _layer_built(file, call)
        if built is None and not is_ungated_call(file, call):
            continue
        if built is not None and literal(argument(built, 0, "p")) == 0:
            continue
        function, entry = file.function_of(call), in_reach(file, call)
        if function is None or entry is None:
            if function is not None and built is None and _called_from_elsewhere(file, call, function):
                yield Dropout(call, file.resolve(call.func) or "", function, None)
            continue
        owner = run_by_forward(file)[entry]
        if wanted(file, call, function, owner) or _used_by_training_only(file, owner):
            continue
        rate = argument(built, 0, "p") if built else argument(call, 1, "p")
        if not (gated(file, call) or rate_is_gated(file, call, rate) or chosen_later(file, call, function)):
            yield Dropout(call, file.resolve((built or call).func) or "", function, entry, built)


def _called_from_elsewhere(file: SourceFile, call: ast.Call, function: FunctionInfo) -> bool:
    """Whether nothing in and around a helper that no forward of the file runs says only training does."""
    owner = function.owner
    if function.scope is not file.tree and owner is None:
        return False
    rate = argument(call, 1, "p")
    if rate is not None and literal(rate) is UNKNOWN:
        return False  # the caller's rate, or the object's own: a hook may be there to drop
    if is_unit_test(file) or (owner is not None and owner.of_framework) or gated(file, call):
        return False
    texts = [file.said(call), file.lines.line(call.lineno - 1), *said_around(file, function)]
    texts += [owner.name] if owner else []
    if any(words.MEANT.search(text) for text in texts) or words.TRAINING & set(words.parts(function.name)):
        return False
    callers = file.functions.callers(function)
    if callers and all(gated(file, caller) for caller in callers):
        return False
    return not any(words.MODE.search(name) for name in function.parameters)


def forced_dropouts(file: SourceFile) -> Iterator[Dropout]:
    """Functional dropouts that a forward runs in both modes, with a literal True for the mode."""
    for call in file.every_call():
        name = file.resolve(call.func) if _may_be_dropout(call) else None
        forced = (
            name in FUNCTIONAL and literal(argument(call, _TRAINING_POSITION, "training", "train")) is True
        )
        if name is None or not forced or literal(argument(call, 1, "p")) == 0:
            continue
        function, entry = file.function_of(call), in_reach(file, call)
        if function is None or entry is None or wanted(file, call, function, run_by_forward(file)[entry]):
            continue
        if _SAID.search(f"{file.lines.line(call.lineno - 1)} {file.said(call)}"):
            continue
        if not (gated(file, call) or rate_is_gated(file, call, argument(call, 1, "p"))):
            yield Dropout(call, name, function, entry)


def is_ungated_call(file: SourceFile, call: ast.Call) -> bool:
    """Whether a call is one of a functional dropout that is not told the mode, with a rate above zero."""
    if not _may_be_dropout(call) or file.resolve(call.func) not in DROPPING:
        return False
    return not _told(call) and literal(argument(call, 1, "p")) != 0


def _may_be_dropout(call: ast.Call) -> bool:
    func = call.func
    tail = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    return "drop" in tail.lower()


def _layer_built(file: SourceFile, call: ast.Call) -> ast.Call | None:
    """The call that builds a dropout layer, if it is used here: ``nn.Dropout(p)(x)``, or by a local name."""
    func = call.func
    if isinstance(func, ast.Name) and "drop" in func.id.lower() and file.names.is_local(func):
        given = assigned(file, func)
        if len(given) != 1 or any(isinstance(outer, ast.Attribute) for outer in _uses(file, func)):
            return None  # it may be given a mode: drop.eval(), drop.train(self.training)
        func = given[0]
    if not isinstance(func, ast.Call) or not _LAYER.match(torch_layer(file, func) or ""):
        return None
    return func


def _uses(file: SourceFile, name: ast.Name) -> Iterator[ast.AST | None]:
    binder = file.names.binder(name)
    for use in file.index.loads[binder].get(name.id, ()) if binder else ():
        yield file.parent(use)


def _told(call: ast.Call) -> bool:
    """Whether the mode is passed, or could be, out of a ``*`` or ``**``."""
    named = any(k.arg == "training" for k in call.keywords)
    return named or unpacks(call) or len(call.args) > _TRAINING_POSITION


def rate_is_gated(file: SourceFile, call: ast.Call, rate: ast.expr | None) -> bool:
    """Whether the rate itself depends on the mode, or is handed in by a caller who may see to it."""
    if rate is None:
        return False
    if mentions_mode(file, rate) or (isinstance(rate, ast.Name) and is_parameter(file, rate)):
        return True
    owner = file.class_of(call)
    properties = [
        owner.method(one.attr) for one in within(rate) if owner is not None and isinstance(one, ast.Attribute)
    ]
    return any(words.MODE.search(name) for method in properties if method for name in identifiers(method))


def chosen_later(file: SourceFile, call: ast.Call, function: FunctionInfo) -> bool:
    """A noisy copy beside the clean value, in a function that looks at the mode elsewhere."""
    statement = file.statement(call)
    if not isinstance(statement, ast.Assign) or not call.args:
        return False
    target = statement.targets[0]
    same = isinstance(target, ast.Name) and any(target.id in set(identifiers(arg)) for arg in call.args)
    if same or not isinstance(target, ast.Name):
        return False
    tests = (n for n in within(function.node) if isinstance(n, (ast.If, ast.IfExp, ast.BinOp)))
    return any(
        mentions_mode(file, n.test if not isinstance(n, ast.BinOp) else n, 0)
        and target.id in set(identifiers(n))
        for n in tests
    )


@lru_cache(maxsize=8)
def _used_by_training_only(file: SourceFile, owner: ClassInfo) -> bool:
    """Whether other modules of the file keep this one, and call it under a test of the mode alone."""
    kept: set[str] = set()
    for call in file.every_call():
        parent = file.parent(call)
        named = isinstance(call.func, ast.Name) and call.func.id == owner.name
        if named and isinstance(parent, ast.Assign) and file.classes.named(call.func) is owner:
            kept.update(target.attr for target in parent.targets if isinstance(target, ast.Attribute))
    uses = [c for c in file.every_call() if isinstance(c.func, ast.Attribute) and c.func.attr in kept]
    return bool(uses) and all(gated(file, use) for use in uses)
