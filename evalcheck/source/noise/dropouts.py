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
from evalcheck.source.gates import conditions, gated, mentions_mode, set_by_mode
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.layers import torch_layer
from evalcheck.source.noise.wanted_noise import comments, declared, hinted, wanted
from evalcheck.source.values import (
    UNKNOWN,
    argument,
    assigned,
    identifiers,
    is_parameter,
    is_self,
    literal,
    self_attributes,
    unpacks,
    within,
)

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
_RATE = re.compile(r"rate|ratio|prob|(?:^|_)p(?:_|$)", re.I)
# What a comment beside a literal True says when somebody thought of it.
_SAID = re.compile(r"forc|sampl|eval|active|on even|keep", re.I)


@dataclass(frozen=True)
class Dropout:
    """A call, what it calls, the function it stands in, and the function that a forward runs, if it is known.

    ``built`` is the call that builds the layer, where it is not a function that is called. ``doubtful``
    says that something makes it likelier that the noise is meant.
    """

    call: ast.Call
    name: str
    function: FunctionInfo
    entry: FunctionInfo | None
    built: ast.Call | None = None
    doubtful: bool = False


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
                yield Dropout(call, _function_called(file, call) or "", function, None)
            continue
        owner = run_by_forward(file)[entry]
        if wanted(file, call, function, owner) or owner in _used_by_training_only(file):
            continue
        rate = argument(built, 0, "p") if built else argument(call, 1, "p")
        if not (gated(file, call) or rate_is_gated(file, call, rate) or chosen_later(file, call, function)):
            name = file.resolve(built.func) if built else _function_called(file, call)
            doubtful = hinted(file, call, function, *{owner, file.class_of(call) or owner})
            yield Dropout(call, name or "", function, entry, built, doubtful or _behind_a_switch(file, call))


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
    classes = [owner] if owner else []
    if declared(file, call, function, *classes) or hinted(file, call, function, *classes):
        return False
    if words.TRAINING & set(words.parts(function.name)):
        return False
    callers = file.functions.callers(function)
    if callers and all(gated(file, caller) for caller in callers):
        return False
    return not any(words.MODE.search(name) for name in function.parameters)


def _behind_a_switch(file: SourceFile, call: ast.Call) -> bool:
    """Whether a setting that speaks of dropout, and is not a rate, decides if it runs: it may be off."""
    for outer in file.ancestors(call):
        if isinstance(outer, FUNCTIONS):
            return False
        for part in conditions(outer.test) if isinstance(outer, (ast.If, ast.IfExp)) else ():
            name = part.attr if isinstance(part, ast.Attribute) else ""
            if "drop" in name.lower() and not _RATE.search(name) and name not in set(identifiers(call)):
                return True
    return False


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
        if any(_SAID.search(text) and not words.complains(text) for text in comments(file, call)):
            continue
        if not (gated(file, call) or rate_is_gated(file, call, argument(call, 1, "p"))):
            yield Dropout(call, name, function, entry)


def is_ungated_call(file: SourceFile, call: ast.Call) -> bool:
    """Whether a call is one of a functional dropout that is not told the mode, with a rate above zero."""
    if not _may_be_dropout(call) or _function_called(file, call) not in DROPPING:
        return False
    return not _told(call) and literal(argument(call, 1, "p")) != 0


def _function_called(file: SourceFile, call: ast.Call) -> str | None:
    """The dotted name of what is called, also where ``__init__`` keeps the function itself on the object."""
    name = file.resolve(call.func)
    method = file.functions.method_around(call) if name is None else None
    if method is None or method.owner is None or not isinstance(call.func, ast.Attribute):
        return name
    if not is_self(call.func.value, method.receiver):
        return name
    return _kept_functions(file, method.owner).get(call.func.attr)


@lru_cache(maxsize=8)
def _kept_functions(file: SourceFile, owner: ClassInfo) -> dict[str, str]:
    """The functional dropouts that a class of the file keeps, by attribute, where they are given once."""
    return {
        attribute: name
        for attribute, given in self_attributes(file, owner).items()
        if len(given) == 1 and (name := file.resolve(given[0][1])) in DROPPING and name
    }


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
    if mentions_mode(file, rate) or set_by_mode(file, rate):
        return True
    if isinstance(rate, ast.Name) and is_parameter(file, rate):
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
def _used_by_training_only(file: SourceFile) -> frozenset[ClassInfo]:
    """The classes that other modules of the file keep, and call under a test of the mode alone."""
    kept: dict[ClassInfo, set[str]] = {}
    uses: dict[str, list[ast.Call]] = {}
    for call in file.every_call():
        if isinstance(call.func, ast.Attribute):
            uses.setdefault(call.func.attr, []).append(call)
        parent = file.parent(call)
        owner = file.classes.at_top(call.func) if isinstance(parent, ast.Assign) else None
        if isinstance(parent, ast.Assign) and owner is not None:
            attributes = {target.attr for target in parent.targets if isinstance(target, ast.Attribute)}
            kept.setdefault(owner, set()).update(attributes)
    in_training = {
        name: all(gated(file, use) for use in uses[name])
        for name in {name for names in kept.values() for name in names}
        if name in uses
    }
    return frozenset(
        owner
        for owner, names in kept.items()
        if (told := [in_training[name] for name in names if name in in_training]) and all(told)
    )
