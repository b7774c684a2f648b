"""Attributes that a forward writes, and what a later forward makes of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.forwards import run_by_forward
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.gates import gated
from evalcheck.source.layers import keeps_something
from evalcheck.source.switches.kept_locals import locals_kept
from evalcheck.source.switches.mode_sides import says, side
from evalcheck.source.values import is_self, literal, within

# Attributes that only count, and classes whose state is what they are for.
_COUNTS = re.compile(
    r"loss|count|step|iter|num|log|stat|total|seen|epoch|cache|metric|hist|usage|buffer|time|idx|index|flag|"
    r"debug|device|dtype|shape|size|attn|attention_map|grad|mem$|queue|ptr|offset|position|rng|seed",
    re.I,
)
_MEANT = re.compile(
    r"stateful|stream|cache|memory|spik|snn|online|queue|increment|track|loss|meter|metric|vq|quanti[sz]|"
    r"codebook|observer|calibrat|env|reservoir|neuron|lif|filter|spectral|moving|ema\b|controller|simulat",
    re.I,
)
_RESETS = re.compile(r"^[a-z]\w*(?:hidden|state|memory)|^(?:reset|clear|detach|repackage)", re.I)
_INPLACE = re.compile(r"_$|^(?:append|extend|update|pop|clear|insert|setdefault)$")


@dataclass(frozen=True)
class Latch:
    """An attribute that eval forwards write, and a place where a train forward reads it."""

    name: str
    written: ast.Attribute
    read: ast.Attribute


@dataclass(frozen=True)
class _Uses:
    """The uses of one attribute of ``self`` in a class: in what forward runs, and elsewhere."""

    stores: list[ast.Attribute]
    loads: list[ast.Attribute]
    elsewhere: list[tuple[str, ast.Attribute]]


def latches(file: SourceFile) -> Iterator[Latch]:
    """Attributes that only the eval branch of a forward writes, and that train mode reads."""
    for _, name, uses in _attributes(file):
        for store in uses.stores:
            lost = _lost_in_eval(file, store, name)
            if lost is not None and len(uses.stores) == 1 and not _written_elsewhere(uses):
                yield Latch(name, store, lost)
        if any(side(file, store) != "eval" for store in uses.stores) or _written_elsewhere(uses):
            continue
        reads = [load for load in uses.loads if side(file, load) in ("train", "both")]
        reads = [load for load in reads if not _only_asked(file, load)]
        if reads and not any(_changed_in_place(file, load) for load in uses.loads):
            yield Latch(name, uses.stores[0], reads[0])


def _lost_in_eval(file: SourceFile, store: ast.Attribute, name: str) -> ast.Attribute | None:
    """The old value in ``self.p = self.p if self.training else 0.0``: eval mode loses it for good."""
    parent = file.parent(store)
    value = parent.value if isinstance(parent, ast.Assign) else None
    if not isinstance(value, ast.IfExp):
        return None
    found, exact = says(value.test)
    if not exact:
        return None
    in_train, in_eval = (value.body, value.orelse) if found == "train" else (value.orelse, value.body)
    kept = isinstance(in_train, ast.Attribute) and in_train.attr == name
    lost = not any(isinstance(n, ast.Attribute) and n.attr == name for n in within(in_eval))
    return in_train if isinstance(in_train, ast.Attribute) and kept and lost else None


def carried_over(file: SourceFile) -> Iterator[tuple[str, ast.Attribute]]:
    """Attributes whose old value enters the new one and the output, and which nobody resets."""
    for owner, name, uses in _attributes(file):
        if _COUNTS.search(name) or _known_for_state(owner) or _written_elsewhere(uses):
            continue
        steps = [s for s in uses.stores if _from_itself(file, s, name)]
        others = [s for s in uses.stores if s not in steps and not _detached(file, s, name)]
        if len(steps) != 1 or not all(_first_time(file, s, name) for s in others):
            continue
        step = steps[0]
        if side(file, step) != "both" or gated(file, step) or _conditional(file, step):
            continue
        if any(_changed_in_place(file, load) for load in uses.loads) or uses.elsewhere:
            continue
        if _enters_output(file, step, uses) and not _statistic(owner, name):
            yield name, step


def _statistic(owner: ClassInfo, name: str) -> bool:
    """Whether it is a buffer of a module without parameters that averages detached values.

    Such a module is no part of a model: it measures returns or losses while a model is trained.
    """
    registered = detached = False
    for one in owner.lineage():
        for method in one.methods.values():
            for call in one.file.calls_in(method):
                tail = getattr(call.func, "attr", "")
                if tail == "register_buffer":
                    registered = registered or (bool(call.args) and literal(call.args[0]) == name)
                elif keeps_something(one.file, call) or one.file.resolve(call.func) == "torch.nn.Parameter":
                    return False
                detached = detached or tail in ("detach", "detach_", "no_grad")
    return registered and detached


def _attributes(file: SourceFile) -> Iterator[tuple[ClassInfo, str, _Uses]]:
    """Each attribute that what a forward runs writes on its module, in classes that are known whole."""
    reached = run_by_forward(file)
    for owner in file.classes:
        if not owner.is_module or owner.of_framework or owner.method("train") or owner.method("eval"):
            continue
        if owner.unknown_bases or any(not base.startswith("torch.") for base in owner.outer_bases):
            continue
        infos = [info for info in reached if info.owner is owner and info.receiver]
        written = {n.attr for info in infos for n in _on_self(file, info) if isinstance(n.ctx, ast.Store)}
        for name in sorted(written):
            uses = _uses(file, owner, name, infos)
            if not _touched_outside(file, owner, name):
                yield owner, name, uses


def _uses(file: SourceFile, owner: ClassInfo, name: str, infos: list[FunctionInfo]) -> _Uses:
    here = [n for info in infos for n in _on_self(file, info) if n.attr == name]
    nodes = {info.node for info in infos}
    elsewhere = [
        (method.name, n)
        for one in owner.lineage()
        for method in one.methods.values()
        if method not in nodes and method.name != "__init__"
        for n in _on_self(one.file, one.file.functions.by_node[method])
        if n.attr == name
    ]
    stores = [n for n in here if isinstance(n.ctx, ast.Store)]
    return _Uses(stores, [n for n in here if isinstance(n.ctx, ast.Load)], elsewhere)


def _on_self(file: SourceFile, info: FunctionInfo) -> list[ast.Attribute]:
    return [n for n in file.index.attributes.get(info.node, ()) if is_self(n.value, info.receiver)]


def _touched_outside(file: SourceFile, owner: ClassInfo, name: str) -> bool:
    """Whether code outside of the class writes the attribute, as those do who reset it."""
    return any(
        node.attr == name
        and isinstance(node.ctx, (ast.Store, ast.Del))
        and file.class_of(node) is not owner
        and not _of_another(file, owner, node)
        for attributes in file.index.attributes.values()
        for node in attributes
    )


def _of_another(file: SourceFile, owner: ClassInfo, node: ast.Attribute) -> bool:
    """Whether a module that has nothing to do with this class writes an attribute of its own."""
    other = file.class_of(node)
    if other is None or not other.is_module or not is_self(node.value, "self"):
        return False
    return other not in owner.lineage() and owner not in other.lineage()


def _written_elsewhere(uses: _Uses) -> bool:
    return any(not isinstance(node.ctx, ast.Load) for _, node in uses.elsewhere)


def _only_asked(file: SourceFile, load: ast.Attribute) -> bool:
    """Whether a read only asks if there is something: a test, or a comparison with None."""
    child: ast.AST = load
    for parent in file.ancestors(load):
        if isinstance(parent, (ast.If, ast.IfExp, ast.While, ast.Assert)) and child is parent.test:
            return True
        if isinstance(parent, ast.stmt):
            return False
        child = parent
    return False


def _changed_in_place(file: SourceFile, load: ast.Attribute) -> bool:
    parent = file.parent(load)
    if isinstance(parent, ast.Subscript):
        return not isinstance(parent.ctx, ast.Load)
    return isinstance(parent, ast.Attribute) and bool(_INPLACE.search(parent.attr))


def _known_for_state(owner: ClassInfo) -> bool:
    texts = [owner.name, ast.get_docstring(owner.node, clean=False) or "", *owner.methods]
    resets = any("reset" in name or _RESETS.search(name) for name in owner.methods)
    return resets or any(_MEANT.search(text) for text in texts)


def _assignment(file: SourceFile, store: ast.Attribute) -> ast.Assign | None:
    parent = file.parent(store)
    if isinstance(parent, ast.Tuple):
        parent = file.parent(parent)
    if isinstance(parent, ast.Tuple):
        parent = file.parent(parent)
    return parent if isinstance(parent, ast.Assign) else None


def _from_itself(file: SourceFile, store: ast.Attribute, name: str) -> bool:
    """``self.h = cell(x, self.h)``: a call or arithmetic in which the old value takes part."""
    found = _assignment(file, store)
    if found is None:
        return False
    if _takes_part(found.value, name):
        return True
    return any(_takes_part(value, name) for made in locals_kept(file, found) for value in made.choices)


def _takes_part(value: ast.expr, name: str) -> bool:
    if not isinstance(value, (ast.Call, ast.BinOp)):
        return False
    if isinstance(value, ast.Call) and any(
        isinstance(n, ast.Attribute) and n.attr == name for n in within(value.func)
    ):
        return False  # self.h = self.h.to(x.device): the same value in another form
    others = {n.id for n in within(value) if isinstance(n, ast.Name)} - {"self", "torch", "nn", "F"}
    return bool(others) and any(isinstance(n, ast.Attribute) and n.attr == name for n in within(value))


def _detached(file: SourceFile, store: ast.Attribute, name: str) -> bool:
    """``self.h = self.h.detach()``: the same state without its history."""
    found = _assignment(file, store)
    said = (
        {n.attr for n in within(found.value) if isinstance(n, ast.Attribute)} if found is not None else set()
    )
    return {name, "detach"} <= said


def _first_time(file: SourceFile, store: ast.Attribute, name: str) -> bool:
    """Whether a write happens only while there is nothing yet."""
    for outer in file.ancestors(store):
        if isinstance(outer, ast.If):
            asks = any(isinstance(n, ast.Attribute) and n.attr == name for n in within(outer.test))
            none = any(isinstance(n, ast.Constant) and n.value is None for n in within(outer.test))
            return asks and none and not isinstance(outer.test, ast.BoolOp)
    return False


def _conditional(file: SourceFile, node: ast.AST) -> bool:
    return any(isinstance(outer, (ast.If, ast.IfExp, ast.Try, ast.With)) for outer in file.ancestors(node))


def _enters_output(file: SourceFile, step: ast.Attribute, uses: _Uses) -> bool:
    """Whether the state leaves by a second target of the same call, or is returned."""
    found = _assignment(file, step)
    assert found is not None
    target = found.targets[0]
    if any(made.returned for made in locals_kept(file, found)):
        return True
    if isinstance(target, ast.Tuple) and any(isinstance(n, ast.Name) for n in target.elts):
        return isinstance(found.value, ast.Call)
    return any(
        isinstance(outer, ast.Return)
        for load in uses.loads
        if file.statement(load) is not found
        for outer in file.ancestors(load)
    )
