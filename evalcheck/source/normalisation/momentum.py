"""Where the momentum and the eps of a batch norm come from: literals, defaults, attributes, configs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from evalcheck.finding import Edit, Fix
from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.names import parameters
from evalcheck.source.normalisation.norm_layers import built_norms
from evalcheck.source.values import argument, assigned, is_self, literal, self_attributes

DEEPEST = 5
_CONVERTED = re.compile(r"conver(?:t|sion)|ported|weights|caffe|keras|tensorflow|mmdnn|checkpoint", re.I)


@dataclass(frozen=True)
class Origin:
    """A number as it stands in the source, and the file that it stands in."""

    node: ast.expr
    file: SourceFile

    @property
    def value(self) -> float:
        found = literal(self.node)
        assert isinstance(found, (int, float))
        return float(found)

    @property
    def turned(self) -> str | None:
        """The text of one minus the number, without the noise of binary fractions."""
        text = ast.get_source_segment(self.file.text, self.node) or ""
        try:
            return f"{1 - Decimal(text):f}"
        except InvalidOperation:
            return None


@dataclass(frozen=True)
class Setting:
    """What one batch norm with running statistics is given as its momentum or eps."""

    call: ast.Call
    name: str
    value: ast.expr
    by_position: bool = False


def settings(file: SourceFile) -> Iterator[Setting]:
    """The settings that the batch norms of torch in a file are given, layers and functions alike."""
    for layer in built_norms(file):
        if not layer.is_batch_norm or literal(layer.given("track_running_stats")) is False:
            continue
        for name in ("momentum", "eps"):
            value = layer.given(name)
            if value is not None:
                yield Setting(layer.call, name, value, name == "eps" and layer.by_position)
    for call in file.every_call() if file.mentions("batch_norm(") else ():
        if file.resolve(call.func) == "torch.nn.functional.batch_norm":
            keeps = literal(argument(call, 1, "running_mean") or ast.Constant(None)) is not None
            if keeps and (value := argument(call, 6, "momentum")) is not None and literal(value) != 0:
                yield Setting(call, "momentum", value)


def origins(file: SourceFile, node: ast.expr, steps: int = DEEPEST) -> Iterator[Origin]:
    """The numbers that reach an expression unchanged; arithmetic on the way ends the search."""
    value = literal(node)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield Origin(node, file)
    elif steps <= 0:
        return
    elif isinstance(node, ast.Name):
        yield from _of_name(file, node, steps)
    elif isinstance(node, ast.Attribute):
        yield from _of_attribute(file, node, steps)


def _of_name(file: SourceFile, node: ast.Name, steps: int) -> Iterator[Origin]:
    scope = file.names.binder(node)
    if scope is None:
        for value in assigned(file, node):
            if len(file.index.stores[file.tree].get(node.id, ())) == 1:
                yield from origins(file, value, steps - 1)
    elif node.id not in parameters(scope):
        for value in assigned(file, node):
            yield from origins(file, value, steps - 1)
    elif node.id not in file.index.stores[scope] and isinstance(scope, FUNCTIONS):
        yield from _of_parameter(file, scope, node.id, steps)


def _of_parameter(
    file: SourceFile, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, steps: int
) -> Iterator[Origin]:
    """The default of a parameter if a caller relies on it, and what the callers in the file give."""
    info = file.functions.by_node[function]
    calls = _calls_of(file, function)
    given = [_given(call, function, name, info.receiver is not None) for call in calls]
    default = default_of(function, name)
    if default is not None and (None in given or not given):
        yield from origins(file, default, steps - 1)
    for value in given:
        if value is not None:
            yield from origins(file, value, steps - 1)


def _calls_of(file: SourceFile, function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.Call]:
    """The calls of the file that reach a function, or build the class that it initialises."""
    info = file.functions.by_node[function]
    if info.owner is not None and info.name == "__init__":
        return [call for call in file.every_call() if file.classes.at_top(call.func) is info.owner]
    return file.functions.callers(info)


def _given(
    call: ast.Call, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, bound: bool
) -> ast.expr | None:
    """What a call gives for a parameter; something unreadable where it comes out of ``**``."""
    order = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][1 if bound else 0 :]
    found = argument(call, order.index(name) if name in order else len(call.args), name)
    if found is None and any(k.arg is None for k in call.keywords):
        return next(k.value for k in call.keywords if k.arg is None)
    return found


def default_of(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> ast.expr | None:
    """The default of a parameter."""
    args = function.args
    every = [*args.posonlyargs, *args.args]
    pairs = [*zip(every[len(every) - len(args.defaults) :], args.defaults, strict=True)]
    pairs += [(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d is not None]
    return next((default for one, default in pairs if one.arg == name), None)


def _of_attribute(file: SourceFile, node: ast.Attribute, steps: int) -> Iterator[Origin]:
    info, owner = file.functions.method_around(node), file.class_of(node)
    if info is not None and owner is not None and is_self(node.value, info.receiver):
        yield from _kept(owner, node.attr, steps)
        return
    config = _class_of_value(file, node.value, steps)
    if config is not None:
        yield from _kept(config, node.attr, steps)


def _kept(owner: ClassInfo, name: str, steps: int) -> Iterator[Origin]:
    """What objects of a class keep under a name: what methods store there, else the class attribute."""
    stored = [
        (one.file, value)
        for one in owner.lineage()
        for _, value in self_attributes(one.file, one).get(name, [])
    ]
    for there, value in dict.fromkeys(stored):
        yield from origins(there, value, steps - 1)
    for one in () if stored else owner.lineage():
        for statement in one.node.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if isinstance(statement, ast.AnnAssign):
                targets = [statement.target]
            default: ast.expr | None = getattr(statement, "value", None)
            if default is not None and any(isinstance(t, ast.Name) and t.id == name for t in targets):
                yield from origins(one.file, default, 0)
                return


def _class_of_value(file: SourceFile, node: ast.expr, steps: int) -> ClassInfo | None:
    """The class of an object: a parameter with an annotation, or what a class of the project builds."""
    if steps <= 0:
        return None
    if isinstance(node, ast.Call):
        return file.classes.named(node.func)
    if isinstance(node, ast.Name):
        scope = file.names.binder(node)
        if isinstance(scope, FUNCTIONS) and node.id in parameters(scope):
            every = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]
            note = next((a.annotation for a in every if a.arg == node.id), None)
            return _annotated(file, note) if note is not None else None
        values = assigned(file, node)
        return _class_of_value(file, values[0], steps - 1) if len(values) == 1 else None
    info, owner = file.functions.method_around(node), file.class_of(node)
    if isinstance(node, ast.Attribute) and info and owner and is_self(node.value, info.receiver):
        values = [value for _, value in self_attributes(file, owner).get(node.attr, [])]
        return _class_of_value(file, values[0], steps - 1) if len(values) == 1 else None
    return None


def _annotated(file: SourceFile, note: ast.expr) -> ClassInfo | None:
    """The class that an annotation names, ``Config | None`` and ``"Config"`` included."""
    if isinstance(note, ast.Constant) and isinstance(note.value, str):
        try:
            text = ast.parse(note.value, mode="eval").body
        except SyntaxError:
            return None
        return file.classes.top(text.id) if isinstance(text, ast.Name) else None
    if isinstance(note, ast.BinOp):
        return _annotated(file, note.left)
    return file.classes.named(note)


def turned_around(file: SourceFile, setting: Setting, origin: Origin) -> Fix | None:
    """The decay turned into torch's momentum; only people know whether a decay was meant."""
    turned = origin.turned if origin.file is file and 0.5 <= origin.value < 1 else None
    if setting.name == "momentum" and origin.value == 0.5:
        return None  # it is the same number turned around
    if turned is None:
        return None
    if setting.name == "eps":
        if not setting.by_position or origin.node is not setting.value or len(setting.call.args) > 2:
            return None
        turned = f"momentum={turned}"
    return Fix("pass 1 - decay as momentum", (Edit(file.span(origin.node), turned),), safe=False)


def comes_with_weights(origin: Origin) -> bool:
    """Whether the statistics are loaded and not learned, by the file or by a comment at the number."""
    file = origin.file
    line = file.span(origin.node).line
    near = (file.line(number).partition("#")[2] for number in range(max(1, line - 3), line + 1))
    return file.mentions("load_state_dict", "pretrained") or any(_CONVERTED.search(text) for text in near)
