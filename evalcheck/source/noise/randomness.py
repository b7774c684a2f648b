"""Random numbers that a forward draws in both modes, where what they are for can be told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from evalcheck.intent import SAMPLERS
from evalcheck.source import words
from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.forwards import in_reach, run_by_forward
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.gates import gated, mentions_mode, set_by_mode
from evalcheck.source.noise.dropouts import chosen_later
from evalcheck.source.noise.objectives import is_objective, returned_beside, uses_of
from evalcheck.source.noise.wanted_noise import hinted, said_around, sees_to_modes, wanted
from evalcheck.source.values import (
    argument,
    assigned,
    identifiers,
    is_parameter,
    is_self,
    keyword,
    literal,
    within,
)

_UNIFORM = re.compile(
    r"^(?:torch\.rand(?:_like)?|random\.(?:random|uniform)|numpy\.random\.(?:rand|random|uniform))$"
)
_NORMAL = re.compile(r"^torch\.(?:randn|randn_like|normal)$")
_DROP = re.compile(r"drop|keep|surviv|zoneout|stochastic_depth", re.I)
# Conditions that a model learns to do without: whoever generates passes its own.
_CONDITION = re.compile(r"cond|cfg|guidance|class|label|text|caption|null", re.I)
_NOISE = re.compile(r"nois|std|sigma|jitter", re.I)
# Names of a rate that say nothing of what it is for: then the class does.
_PLAIN = words.each("p prob rate probability")
_BRANCHES = (ast.If, ast.IfExp, ast.While)
_DATA = re.compile(r"augment|transform(?!er)|dataload|datasets?/", re.I)


@dataclass(frozen=True)
class Draw:
    """A call, what its numbers are for (mask, gumbel, branch, noise) and the attribute that is their rate.

    The rate is empty where it is a number of the code itself.
    """

    call: ast.Call
    purpose: str
    rate: str
    sure: bool


def ungated_draws(file: SourceFile) -> Iterator[Draw]:
    """Draws that evaluation repeats, each with what it is for; silent where that cannot be told."""
    for call in file.every_call():
        draw = _purpose(file, call)
        if draw is None or keyword(call, "generator") is not None:
            continue
        function, entry = file.function_of(call), in_reach(file, call)
        if function is None or entry is None:
            continue
        owner = run_by_forward(file)[entry]
        used = _comparison(file, call) or call
        if gated(file, call) or gated(file, used) or _beside_mode(file, used):
            continue
        if chosen_later(file, call, function) or _meant(file, draw, function, owner):
            continue
        if is_objective(file, function, call):
            continue
        asked = _chosen_by_name(file, call) or "sample" in words.parts(owner.name)
        asked = asked or (draw.purpose == "gumbel" and returned_beside(file, call))
        asked = asked or hinted(file, call, function, *{owner, file.class_of(call) or owner})
        yield replace(draw, sure=draw.sure and not asked)


def _meant(file: SourceFile, draw: Draw, function: FunctionInfo, owner: ClassInfo) -> bool:
    names = [owner.name, *said_around(file, function)]
    if function.owner is not None:
        names.append(function.owner.name)
    told = draw.purpose == "mask" and draw.rate
    if not told and any(SAMPLERS.search(name) for name in names):
        return True
    if (draw.purpose == "branch" or not draw.rate) and _DATA.search(file.path):
        return True
    if draw.purpose == "noise" and draw.rate:
        return sees_to_modes(owner)
    return wanted(file, draw.call, function, owner)


def _purpose(file: SourceFile, call: ast.Call) -> Draw | None:
    name = file.resolve(call.func) or ""
    tail = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name == "torch.nn.functional.gumbel_softmax":
        return Draw(call, "gumbel", "", sure=True)
    if name == "torch.bernoulli" or tail == "bernoulli_":
        given = argument(call, 0 if tail == "bernoulli_" else 1, "p") or argument(call, 0)
        rate = _own_rate(file, call, given)
        return Draw(call, "mask", rate, sure=True) if rate and _drops(file, call, rate) else None
    if _UNIFORM.match(name):
        return _of_uniform(file, call)
    if _NORMAL.match(name):
        return _of_normal(file, call)
    return None


def _of_uniform(file: SourceFile, call: ast.Call) -> Draw | None:
    """A number that is compared with a rate, or added to one and rounded down."""
    comparison = _comparison(file, call)
    if comparison is None:
        parent = file.parent(call)
        scope = file.function_of(call)
        if not isinstance(parent, ast.BinOp) or not isinstance(parent.op, ast.Add) or scope is None:
            return None
        if not any(getattr(c.func, "attr", "") in ("floor", "floor_") for c in file.calls_in(scope.node)):
            return None
        rate = _own_rate(file, call, parent.left if parent.right is call else parent.right)
        return Draw(call, "mask", rate, sure=True) if rate and _drops(file, call, rate) else None
    sides = [comparison.left, *comparison.comparators]
    others = [side for side in sides if not any(one is call for one in within(side))]
    rate = _own_rate(file, call, others[0]) if len(others) == 1 else None
    branch = any(True for _ in _tests(file, comparison))
    if not rate:
        if len(others) != 1 or not _is_fraction(others[0]):
            return None
        if any(_CONDITION.search(name) for name in _beside(file, comparison)):
            return None
        if branch:
            return Draw(call, "branch", "", sure=False)
        return Draw(call, "mask", "", sure=False) if _is_factor(file, comparison) else None
    if branch:
        return Draw(call, "branch", rate, sure=bool(_DROP.search(rate)))
    return Draw(call, "mask", rate, sure=True) if _drops(file, call, rate) else None


def _of_normal(file: SourceFile, call: ast.Call) -> Draw | None:
    """A normal number times a number or an attribute that says noise, added to something."""
    parent = file.parent(call)
    if not isinstance(parent, ast.BinOp) or not isinstance(parent.op, ast.Mult):
        return None
    outer = file.parent(parent)
    if not isinstance(outer, (ast.BinOp, ast.AugAssign)) or not isinstance(outer.op, ast.Add):
        return None
    size = parent.left if parent.right is call else parent.right
    if _is_fraction(size):
        return Draw(call, "noise", "", sure=False)
    rate = _own_rate(file, call, size)
    return Draw(call, "noise", rate, sure=False) if rate and _NOISE.search(rate) else None


def _drops(file: SourceFile, call: ast.Call, rate: str) -> bool:
    """Whether something is dropped at this rate: by its name, or as ``self.p`` of a class that says so."""
    owner = file.class_of(call)
    named = rate.strip("_") in _PLAIN and owner is not None and _DROP.search(owner.name)
    return bool(named or _DROP.search(rate))


def _is_fraction(node: ast.expr) -> bool:
    """Whether an expression is a number between zero and one."""
    value = literal(node)
    return isinstance(value, float) and 0 < value < 1


def _is_factor(file: SourceFile, node: ast.AST, steps: int = 1) -> bool:
    """Whether something is multiplied by a value, as it is or as another type, by a local name too."""
    child = node
    for parent in file.ancestors(node):
        if isinstance(parent, (ast.BinOp, ast.AugAssign)) and isinstance(parent.op, (ast.Mult, ast.Div)):
            if isinstance(parent.op, ast.Mult):
                return True
        elif isinstance(parent, ast.Call) and child is not parent.func:
            return False
        elif isinstance(parent, ast.Assign) and steps:
            return any(_is_factor(file, use, steps - 1) for use in uses_of(file, parent.targets[0]))
        elif not isinstance(parent, (ast.Attribute, ast.Call, ast.Subscript)):
            return False
        child = parent
    return False


def _comparison(file: SourceFile, call: ast.Call) -> ast.Compare | None:
    """The comparison that a draw stands in, ``torch.rand(1).item() < p``, by a local name too."""
    child: ast.AST = call
    for parent in file.ancestors(call):
        if isinstance(parent, ast.Compare):
            return parent
        if isinstance(parent, ast.Assign) and parent.value is child:
            return _by_name(file, parent.targets[0])
        if not isinstance(parent, (ast.Attribute, ast.Call, ast.Subscript)) or child in getattr(
            parent, "args", ()
        ):
            return None
        child = parent
    return None


def _by_name(file: SourceFile, target: ast.expr) -> ast.Compare | None:
    uses = [file.parent(use) for use in uses_of(file, target)]
    found = [use for use in uses if isinstance(use, ast.Compare)]
    return found[0] if len(uses) == len(found) == 1 else None


def _beside(file: SourceFile, comparison: ast.Compare) -> Iterator[str]:
    """The names in the test or the line that a comparison stands in."""
    test = next((outer.test for outer in _tests(file, comparison) if isinstance(outer, _BRANCHES)), None)
    yield from identifiers(test or file.statement(comparison))


def _tests(file: SourceFile, comparison: ast.Compare) -> Iterator[ast.AST]:
    """The statement or expression of which the comparison is the condition."""
    child: ast.AST = comparison
    for parent in file.ancestors(comparison):
        if isinstance(parent, _BRANCHES) and parent.test is child:
            yield parent
        if not isinstance(parent, (ast.BoolOp, ast.UnaryOp)):
            return
        child = parent


def _beside_mode(file: SourceFile, node: ast.AST) -> bool:
    """Whether another condition of the same test asks for the mode, before it or behind it."""
    child = node
    for parent in file.ancestors(node):
        if isinstance(parent, ast.BoolOp):
            return any(mentions_mode(file, other) for other in parent.values if other is not child)
        if isinstance(parent, ast.stmt):
            break
        child = parent
    return False


def _chosen_by_name(file: SourceFile, call: ast.Call) -> bool:
    """Whether a setting that names the noise leads here: ``if kind == "gumbel"``."""
    tests = (outer.test for outer in file.ancestors(call) if isinstance(outer, (ast.If, ast.IfExp)))
    return any("gumbel" in ast.dump(test).lower() for test in tests)


def _own_rate(file: SourceFile, call: ast.Call, node: ast.expr | None, steps: int = 2) -> str | None:
    """The attribute of the module in a rate that neither mode nor caller decides, through local names."""
    method = file.functions.method_around(call)
    if node is None or method is None:
        return None
    if any(words.MODE.search(name) and "sampl" not in name for name in identifiers(node)):
        return None
    found: list[str] = []
    for one in within(node):
        if isinstance(one, ast.Attribute) and is_self(one.value, method.receiver):
            found.append(one.attr)
        elif isinstance(one, ast.Name) and one.id != method.receiver and file.names.is_local(one):
            given = [_own_rate(file, call, value, steps - 1) for value in assigned(file, one) if steps]
            if _is_number(file, one) and (is_parameter(file, one) or set_by_mode(file, one)):
                return None
            found += [rate for rate in given if rate]
    rates = [rate for rate in found if not _CONDITION.search(rate)]
    return rates[0] if rates else None


def _is_number(file: SourceFile, name: ast.Name) -> bool:
    """Whether a parameter is used as it is, and not for its shape: ``torch.full(x.shape, self.p)``."""
    parent = file.parent(name)
    return not isinstance(parent, (ast.Attribute, ast.Call, ast.Subscript))
