"""Loads of a state that let keys be missing, and whether anybody looks at which are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.models import tail_of
from evalcheck.source.values import assigned, identifiers, is_self, keyword, literal, within

_READ = re.compile(
    r"(?:^|\.)(?:load|load_url|load_file|load_state_dict_from_url|load_fsspec|hf_hub_load|cached_load)$"
)
# Words of code that loads a part on purpose, or that compares the keys itself.
_PARTLY = re.compile(
    r"lora|adapter|peft|partial|finetun|fine_tun|backbone|prefix|skip|ignore|exclude|filter|mismatch|surgery|"
    r"inflate|prun|quant|distil|supernet",
    re.I,
)
_COMPARED = re.compile(
    r"missing|unexpected|incompatible|"
    r"not in [\w.]*(?:state|dict|keys|ckpt|checkpoint|param|weights)|"
    r"state_dict\(\)\.keys\(\)|extra_keys|not_loaded"
)
_EXPLAINED = re.compile(
    r"removed|extra|unexpected|buffer|intention|partial|deprecat|backward|compat|masked|only|"
    r"legacy|not (?:in|part of|saved)|head",
    re.I,
)


@dataclass(frozen=True)
class LooseLoad:
    """``model.load_state_dict(state, strict=False)`` of a checkpoint that was read from a file."""

    file: SourceFile
    call: ast.Call
    model: ast.expr

    @property
    def around(self) -> ast.AST:
        info = self.file.function_of(self.call)
        return info.node if info else self.file.tree


def loose_loads(file: SourceFile) -> Iterator[LooseLoad]:
    """Those whose result is thrown away and whose keys nothing near looks at."""
    for call in list(file.every_call()):
        func = call.func
        if not isinstance(func, ast.Attribute) or func.attr != "load_state_dict" or not call.args:
            continue
        if literal(keyword(call, "strict")) is not False or not isinstance(file.parent(call), ast.Expr):
            continue
        load = LooseLoad(file, call, func.value)
        if _read_from_file(file, call.args[0]) and not _on_purpose(load) and not _has_other_weights(load):
            yield load


def _read_from_file(file: SourceFile, node: ast.expr, steps: int = 4) -> bool:
    """Whether a state comes out of a file, whole: an entry of it, or its keys renamed, counts."""
    if isinstance(node, ast.Subscript):
        return _read_from_file(file, node.value, steps)
    if isinstance(node, ast.IfExp):
        return _read_from_file(file, node.body, steps) or _read_from_file(file, node.orelse, steps)
    if isinstance(node, ast.DictComp):
        inner = node.generators[0]
        return not inner.ifs and _read_from_file(file, inner.iter, steps)
    if isinstance(node, ast.Call):
        if _READ.search(file.resolve(node.func) or tail_of(node.func)):
            return True
        inside = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return any(_read_from_file(file, one, steps) for one in [*node.args, *inside])
    if isinstance(node, ast.Name) and steps:
        return any(_read_from_file(file, value, steps - 1) for value in assigned(file, node))
    return False


def _on_purpose(load: LooseLoad) -> bool:
    """Whether a part is loaded on purpose, as far as names, comparisons and comments say."""
    file, around = load.file, load.around
    info = file.function_of(load.call)
    owner = file.class_of(load.call)
    said = [*identifiers(load.call), info.name if info else "", owner.name if owner else ""]
    if any(_PARTLY.search(name) for name in said):
        return True
    if isinstance(around, FUNCTIONS) and _COMPARED.search(file.said(around)):
        return True
    if any(isinstance(n, ast.DictComp) and n.generators[0].ifs for n in within(_scope(load))):
        return True
    if any(isinstance(outer, (ast.ExceptHandler, ast.For, ast.While)) for outer in file.ancestors(load.call)):
        return True  # a second try; one part of several
    lines = [file.line(n) for n in range(max(1, load.call.lineno - 2), load.call.lineno + 1)]
    return any(
        _EXPLAINED.search(line.partition("#")[2].partition("strict=")[0]) for line in lines if "#" in line
    )


def _scope(load: LooseLoad) -> ast.AST:
    return load.around if isinstance(load.around, FUNCTIONS) else load.file.statement(load.call)


def _has_other_weights(load: LooseLoad) -> bool:
    """Whether a part of the object has pretrained weights of its own, so that keys must be missing."""
    file = load.file
    info, owner = file.functions.method_around(load.call), file.class_of(load.call)
    if info is None or owner is None or not is_self(load.model, info.receiver):
        return False
    for method in owner.methods.values():
        for call in file.calls_in(method):
            given = keyword(call, "pretrained", "weights")
            if given is not None and literal(given) not in (False, None):
                return True
            if tail_of(call.func) == "from_pretrained":
                return True
    return False
