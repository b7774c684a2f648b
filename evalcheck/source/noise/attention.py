"""Calls of fused attention that drop weights at a rate that no mode turns off."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.forwards import in_reach
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.gates import MODE, gated, mentions_mode, set_by_mode
from evalcheck.source.noise.wanted_noise import hinted, wanted
from evalcheck.source.values import (
    argument,
    assigned,
    identifiers,
    is_parameter,
    is_self,
    keyword,
    literal,
    self_attributes,
    unpacks,
)

# Where each function takes its rate: by position, and by name.
_RATES = {
    "scaled_dot_product_attention": (4, "dropout_p"),
    "flash_attn_func": (3, "dropout_p"),
    "flash_attn_qkvpacked_func": (1, "dropout_p"),
    "flash_attn_kvpacked_func": (2, "dropout_p"),
    "flash_attn_varlen_func": (7, "dropout_p"),
    "flash_attn_varlen_qkvpacked_func": (3, "dropout_p"),
    "flash_attn_varlen_kvpacked_func": (6, "dropout_p"),
    "memory_efficient_attention": (4, "p"),
    "multi_head_attention_forward": (10, "dropout_p"),
    "attention_interface": (99, "dropout"),  # what transformers calls the function that a config names
}
_ATTENTION = re.compile(r"att(?:entio)?n|sdpa", re.I)
_MODE_POSITION = 13  # of multi_head_attention_forward, which is told the mode


@dataclass(frozen=True)
class AttentionDropout:
    """A call, what it calls, its rate, and whether the callee is known to apply the rate as it is.

    ``doubtful`` says that something makes it likelier that the noise is meant.
    """

    call: ast.Call
    name: str
    rate: ast.expr
    function: FunctionInfo
    known: bool
    doubtful: bool


def ungated_attention(file: SourceFile) -> Iterator[AttentionDropout]:
    """Calls of attention in modules of the file whose rate is the same in train and in eval mode."""
    for call in file.every_call():
        found = _rate(file, call)
        if found is None:
            continue
        rate, known = found
        method = file.functions.method_around(call)
        owner = method.owner if method else None
        if method is None or owner is None or not owner.may_be_module or gated(file, call, strict=True):
            continue
        if not _is_raw(file, rate, method, owner) or wanted(file, call, method, owner):
            continue
        reached = in_reach(file, call, strict=True) is not None
        if not reached and file.functions.callers(method):
            continue  # whoever calls it looks at the mode, or is not read here
        doubtful = hinted(file, call, method, owner)
        yield AttentionDropout(call, _tail(call), rate, method, known and reached, doubtful)


def _tail(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _rate(file: SourceFile, call: ast.Call) -> tuple[ast.expr, bool] | None:
    """The rate that a call of attention is given, and whether what it does with it is known."""
    tail = _tail(call)
    if not _ATTENTION.search(tail):
        return None
    position, name = _RATES.get(tail.lstrip("_"), (99, "dropout_p"))
    rate = argument(call, position, name)
    if rate is None or unpacks(call):
        return None
    if tail == "multi_head_attention_forward" and (
        keyword(call, "training") is not None or len(call.args) > _MODE_POSITION
    ):
        return None
    own = file.functions.callee(call) if file.resolve(call.func) is None else None
    if own is not None:
        return (
            (rate, True) if any(k.value is rate and _passes_on(own, k.arg) for k in call.keywords) else None
        )
    return rate, tail.lstrip("_") in _RATES


def _passes_on(function: FunctionInfo, parameter: str | None) -> bool:
    """Whether a function of the project gives a parameter to attention as it is."""
    file = function.file
    for call in file.calls_in(function.node):
        position, name = _RATES.get(_tail(call), (99, ""))
        rate = argument(call, position, name)
        if isinstance(rate, ast.Name) and rate.id == parameter and not gated(file, call, strict=True):
            return not assigned(file, rate) and not file.index.stores[function.node].get(rate.id)
    return False


def _is_raw(file: SourceFile, rate: ast.expr, method: FunctionInfo, owner: ClassInfo) -> bool:
    """Whether a rate is a number or an attribute of the module, and nothing on the way asks for the mode."""
    value = literal(rate)
    if isinstance(value, (int, float)):
        return value > 0
    if mentions_mode(file, rate, mode=MODE) or set_by_mode(file, rate):
        return False
    if isinstance(rate, ast.Name):
        given = [] if is_parameter(file, rate) else assigned(file, rate)
        plain = all(isinstance(one, (ast.Attribute, ast.Constant)) for one in given)
        return plain and any(_is_raw(file, one, method, owner) for one in given)
    root = _attribute(rate, method.receiver)
    return root is not None and not _depends(root, owner)


def _attribute(rate: ast.expr, receiver: str | None) -> str | None:
    """The first attribute of ``self.drop.p``."""
    while isinstance(rate, ast.Attribute):
        if is_self(rate.value, receiver):
            return rate.attr
        rate = rate.value
    return None


def _depends(attribute: str, owner: ClassInfo) -> bool:
    """Whether an attribute is worked out by the mode, switched outside ``__init__``, or always zero."""
    computed = owner.method(attribute)
    if computed is not None:
        return any(MODE.search(name) for name in identifiers(computed))
    given = []
    for one in owner.lineage():
        for store, value in self_attributes(one.file, one).get(attribute, ()):
            method = one.file.function_of(store)
            settled = method is not None and method.name == "__init__"
            settled = settled or (isinstance(value, ast.Name) and is_parameter(one.file, value))
            if (
                not settled
                or mentions_mode(one.file, value, mode=MODE)
                or gated(one.file, store, strict=True)
            ):
                return True
            given.append(value)
    zero = [literal(value) in (0, None) for value in given]
    return bool(zero) and all(zero)
