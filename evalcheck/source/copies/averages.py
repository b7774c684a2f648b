"""Loops that average one model's values into another: which model is averaged, from which, over what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.models import calls_of, passed, tail_of
from evalcheck.source.values import assigned, identifiers, is_parameter, within
from evalcheck.source.words import each

Over = Literal["parameters", "state"]
_ITERATED = each("items values keys named_parameters")
_CONTAINERS = each("list tuple dict OrderedDict iter tqdm enumerate sorted")
_WRITERS = each("copy_ add_ lerp_")
_VIEWS = each("data detach clone float cpu")


@dataclass(frozen=True)
class Average:
    """One loop. ``model`` is the averaged model; ``truncates`` whether what is
    not a floating-point number is written in place, where it loses its fraction."""

    file: SourceFile
    loop: ast.For
    model: ast.expr
    write: ast.AST
    over: Over
    truncates: bool

    @property
    def function(self) -> FunctionInfo | None:
        return self.file.function_of(self.loop)

    @property
    def hands_over_state(self) -> bool:
        """Whether the function that averages also reads or loads a whole state."""
        around = self.function.node if self.function else self.loop
        return any(getattr(node, "attr", "") in ("load_state_dict", "state_dict") for node in within(around))

    @property
    def names(self) -> set[str]:
        """What the averaged model is called, here and where it is passed from."""
        found = {tail_of(self.model)}
        info = self.function
        if info is not None and isinstance(self.model, ast.Name) and is_parameter(self.file, self.model):
            for call in calls_of(self.file, info):
                value = passed(call, info, self.model.id)
                if value is not None:
                    found.add(tail_of(value))
        return found - {"", "self"}


def averages(file: SourceFile) -> Iterator[Average]:
    """The averaging loops of a file."""
    for call in list(file.every_call()):
        loop = file.parent(call)
        while isinstance(loop, ast.Call) and tail_of(loop.func) in _CONTAINERS:
            loop = file.parent(loop)
        if isinstance(loop, ast.For) and call in within(loop.iter):
            yield from _in_loop(file, loop, call)


def _in_loop(file: SourceFile, loop: ast.For, call: ast.Call) -> Iterator[Average]:
    variables: dict[str, tuple[ast.expr, Over]] = {}
    if isinstance(call.func, ast.Name) and call.func.id == "zip" and isinstance(loop.target, ast.Tuple):
        for target, read in zip(loop.target.elts, call.args, strict=False):
            found = model_of(file, read)
            if found is not None and (name := _value_name(target)):
                variables[name] = found
    else:
        found = model_of(file, call)
        name = _value_name(loop.target)
        if found is not None and name:
            variables[name] = found
    if not variables:
        return
    tables = _tables(file, loop)
    variables |= _looked_up(loop, tables)
    aliases = _aliases(loop)
    for write, base, value in _writes(file, loop):
        one = variables.get(base) or tables.get(base)
        others = {name for name in (*variables, *tables) if name != base}
        named = {aliases.get(n.id, n.id) for n in within(value) if isinstance(n, ast.Name)}
        if one is not None and named & others and _averages(write, base, named, value, loop):
            yield Average(
                file,
                loop,
                one[0],
                write,
                one[1],
                tail_of(getattr(write, "func", write)) in ("copy_", "lerp_"),
            )
            return


def _value_name(target: ast.expr) -> str:
    """The variable that holds the value: ``p`` in ``for p``, ``for name, p`` and ``for (name, p), ...``."""
    if isinstance(target, ast.Tuple):
        return _value_name(target.elts[-1])
    return target.id if isinstance(target, ast.Name) else ""


def model_of(file: SourceFile, node: ast.expr, steps: int = 4) -> tuple[ast.expr, Over] | None:
    """The model whose parameters or state an expression iterates over."""
    if isinstance(node, ast.Name) and steps:
        values = assigned(file, node)
        return model_of(file, values[0], steps - 1) if len(values) == 1 else None
    if not isinstance(node, ast.Call):
        return None
    func = node.func
    if tail_of(func) in _CONTAINERS and node.args:
        return model_of(file, node.args[0], steps)
    if not isinstance(func, ast.Attribute):
        return None
    if func.attr in ("parameters", "named_parameters") and not node.args:
        return func.value, "parameters"
    if func.attr == "state_dict" and not node.args:
        return func.value, "state"
    return model_of(file, func.value, steps) if func.attr in _ITERATED else None


def _tables(file: SourceFile, loop: ast.For) -> dict[str, tuple[ast.expr, Over]]:
    """Local names that hold a model's parameters or state by name, and are looked up in the loop."""
    found: dict[str, tuple[ast.expr, Over]] = {}
    for node in within(loop):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id not in found
        ):
            model = model_of(file, node.value)
            if model is not None:
                found[node.value.id] = model
    return found


def _aliases(loop: ast.For) -> dict[str, str]:
    """``old, new = slow.data, fast.data``: other names of the loop for its variables."""
    found: dict[str, str] = {}
    for node in within(loop):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=False))
            for name, given in pairs:
                if (
                    isinstance(name, ast.Name)
                    and not isinstance(given, ast.Subscript)
                    and (base := _base(given))
                ):
                    found[name.id] = base
    return found


def _looked_up(loop: ast.For, tables: dict[str, tuple[ast.expr, Over]]) -> dict[str, tuple[ast.expr, Over]]:
    """``value = table[name]``: local names of the loop for what is looked up."""
    found: dict[str, tuple[ast.expr, Over]] = {}
    for node in within(loop):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            table = _base(node.value)
            if table in tables and any(isinstance(n, ast.Subscript) for n in within(node.value)):
                found[node.targets[0].id] = tables[table]
    return found


def _writes(file: SourceFile, loop: ast.For) -> Iterator[tuple[ast.AST, str, ast.AST]]:
    """Writes in the loop: the node, the variable or table that is written, and what is written."""
    for node in within(loop):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if not isinstance(target, ast.Name) and (base := _base(target)):
                yield node, base, _expanded(file, node.value, loop)
        elif (
            isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and (base := _base(node.target))
        ):
            yield node, base, _expanded(file, node.value, loop)
        elif isinstance(node, ast.Call) and node.args and (base := _written_by(node)):
            yield node, base, ast.Tuple([_expanded(file, a, loop) for a in node.args], ast.Load())


def _written_by(call: ast.Call) -> str:
    """The variable that ``p.copy_(...)`` and the like write."""
    func = call.func
    return _base(func.value) if isinstance(func, ast.Attribute) and func.attr in _WRITERS else ""


def _base(node: ast.AST) -> str:
    """``p`` in ``p.data``, ``p.data.mul_(d)``, ``table[k]``."""
    if isinstance(node, ast.Call):
        inner = node.func
        return (
            _base(inner.value) if isinstance(inner, ast.Attribute) and inner.attr in ("mul_", *_VIEWS) else ""
        )
    if isinstance(node, ast.Attribute):
        return _base(node.value) if node.attr in _VIEWS else ""
    if isinstance(node, ast.Subscript):
        return _base(node.value)
    return node.id if isinstance(node, ast.Name) else ""


def _expanded(file: SourceFile, value: ast.expr, loop: ast.For) -> ast.expr:
    """A local name of the loop as the expression that it was last given."""
    if isinstance(value, ast.Name):
        for given in reversed(assigned(file, value)):
            if loop in file.ancestors(given) and isinstance(given, (ast.BinOp, ast.Call)):
                return given
    return value


def _mixed(value: ast.AST) -> bool:
    """Whether a value is a sum of two, or a function of both; a step along a gradient is neither."""
    if "grad" in identifiers(value):
        return False
    calls = [n for n in within(value) if isinstance(n, ast.Call)]
    if any(len([a for a in call.args if isinstance(a, ast.Name)]) > 1 for call in calls):
        return True
    return any(isinstance(n, ast.BinOp) and isinstance(n.op, (ast.Add, ast.Sub)) for n in within(value))


def _averages(write: ast.AST, base: str, named: set[str], value: ast.AST, loop: ast.For) -> bool:
    """Whether a write mixes the old value with the new one, and does not only copy."""
    if isinstance(write, ast.Assign):
        return base in named and _mixed(value)
    method = tail_of(write.func) if isinstance(write, ast.Call) else ""
    if method == "lerp_":
        return True
    if method == "copy_":
        return base in named and _mixed(value)
    return any(
        isinstance(n, ast.AugAssign) and isinstance(n.op, ast.Mult) and _base(n.target) == base
        for n in within(loop)
    ) or any(
        isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute)
        and n.func.attr == "mul_"
        and _base(n) == base
        for n in within(loop)
    )
