"""Layers in the order in which data go through them, where the text shows it: the next behind a dropout."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.layers import torch_layer
from evalcheck.source.names import parameters
from evalcheck.source.values import argument, is_self, keyword, literal, self_attributes

_DROPOUT = re.compile(r"(?:Alpha|FeatureAlpha)?Dropout[123]?d?$")
_NORM = re.compile(r"(?:Lazy)?BatchNorm[123]d$|SyncBatchNorm$")
# Layers that leave every value in its place, so that the noise of one reaches the next as it is.
_ELEMENTWISE = re.compile(r".*(?:ReLU\d?|ELU|GELU|SiLU|Mish|Tanh|Sigmoid|Swish|Softplus|Identity|Flatten)$")
LIGHT = 0.05


@dataclass(frozen=True)
class Meeting:
    """A dropout and the batch norm that gets its output; ``sure`` if the dropout is on for certain."""

    dropout: ast.Call
    norm: ast.Call
    sure: bool


def dropouts_before_norms(file: SourceFile) -> Iterator[Meeting]:
    """Each batch norm once, with the dropout right before it."""
    seen: set[ast.Call] = set()
    for order in (*_written(file), *_appended(file), *_in_forward(file)):
        for meeting in _met(file, order):
            if meeting.norm not in seen:
                seen.add(meeting.norm)
                yield meeting


def _met(file: SourceFile, order: Iterable[ast.expr | None]) -> Iterator[Meeting]:
    dropout: ast.Call | None = None
    for item in order:
        call = _built(item)
        layer = torch_layer(file, call) if call is not None else None
        if call is None or layer is None:
            dropout = None
        elif _DROPOUT.match(layer):
            dropout = call if _drops(call) else None
        elif _NORM.match(layer):
            if dropout is not None and literal(keyword(call, "track_running_stats")) is not False:
                yield Meeting(dropout, call, _sure(file, dropout))
            dropout = None
        elif not _ELEMENTWISE.match(layer):
            dropout = None


def _built(item: ast.expr | None) -> ast.Call | None:
    """The layer that an element builds; of ``a if b else None`` the one that may be there."""
    if isinstance(item, ast.IfExp):
        both = [part for part in (item.body, item.orelse) if isinstance(part, ast.Call)]
        return both[0] if len(both) == 1 else None
    if isinstance(item, ast.Tuple) and len(item.elts) == 2:
        item = item.elts[1]  # ("name", layer) of an OrderedDict
    return item if isinstance(item, ast.Call) else None


def _drops(call: ast.Call) -> bool:
    rate = literal(argument(call, 0, "p") or ast.Constant(0.5))
    return not isinstance(rate, (int, float)) or rate > LIGHT


def _sure(file: SourceFile, call: ast.Call) -> bool:
    """Not a parameter whose default switches the dropout off."""
    rate = argument(call, 0, "p")
    binder = file.names.binder(rate) if isinstance(rate, ast.Name) else None
    if binder is None or not isinstance(rate, ast.Name) or rate.id not in parameters(binder):
        return True
    every = [*binder.args.posonlyargs, *binder.args.args]
    defaults = dict(zip([a.arg for a in reversed(every)], reversed(binder.args.defaults), strict=False))
    defaults |= {a.arg: d for a, d in zip(binder.args.kwonlyargs, binder.args.kw_defaults, strict=True) if d}
    value = literal(defaults.get(rate.id))
    return not isinstance(value, (int, float)) or value > LIGHT


def _written(file: SourceFile) -> Iterator[list[ast.expr | None]]:
    """The arguments of ``nn.Sequential``, and lists of layers."""
    for call in file.every_call():
        if torch_layer(file, call) == "Sequential":
            yield list(call.args)
        for item in call.args:
            if isinstance(item, ast.List):
                yield list(item.elts)
    for stores in file.index.stores.values():
        for store in (one for several in stores.values() for one in several):
            value = getattr(file.parent(store), "value", None)
            if isinstance(value, ast.List):
                yield list(value.elts)


def _appended(file: SourceFile) -> Iterator[list[ast.expr | None]]:
    """What a function appends to one list, statement by statement; branches break the order."""
    for function in file.index.functions:
        blocks = [function.body]
        while blocks:
            block = blocks.pop()
            orders: dict[str, list[ast.expr | None]] = {}
            for statement in block:
                _append(statement, orders)
                blocks += [b for name in ("body", "orelse") if (b := getattr(statement, name, None))]
            yield from orders.values()


def _append(statement: ast.stmt, orders: dict[str, list[ast.expr | None]]) -> None:
    if isinstance(statement, ast.If) and not statement.orelse:
        for inner in statement.body:
            _append(inner, orders)
    elif isinstance(statement, ast.If):
        for order in orders.values():
            order.append(None)
    elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        items = statement.value.elts if isinstance(statement.value, (ast.List, ast.Tuple)) else [None]
        orders.setdefault(statement.target.id, []).extend(items)
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        func, given = statement.value.func, statement.value.args
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and len(given) == 1:
            if func.attr == "append":
                orders.setdefault(func.value.id, []).append(given[0])
            elif func.attr == "extend":
                items = given[0].elts if isinstance(given[0], (ast.List, ast.Tuple)) else [None]
                orders.setdefault(func.value.id, []).extend(items)


def _in_forward(file: SourceFile) -> Iterator[list[ast.expr | None]]:
    """``self.norm(self.drop(x))``, with the layers that ``self`` keeps under these names."""
    for owner in file.classes:
        forward = owner.methods.get("forward")
        if forward is None or not isinstance(forward, FUNCTIONS) or not owner.is_module:
            continue
        receiver = file.functions.by_node[forward].receiver
        kept = {name: values for name, values in self_attributes(file, owner).items() if len(values) == 1}
        for call in file.calls_in(forward):
            name = _own(call, receiver)
            inner = _own(call.args[0], receiver) if call.args else None
            if name in kept and inner in kept:
                yield [kept[inner][0][1], kept[name][0][1]]


def _own(call: ast.AST, receiver: str | None) -> str | None:
    """The ``name`` of ``self.name(...)``."""
    func = call.func if isinstance(call, ast.Call) else None
    return func.attr if isinstance(func, ast.Attribute) and is_self(func.value, receiver) else None
