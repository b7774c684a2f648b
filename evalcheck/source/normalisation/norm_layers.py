"""Batch and instance norms of torch that the source builds, and what each is given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.gates import gated
from evalcheck.source.values import argument, is_self, literal, unpacks, within

_BUILT = re.compile(r"^torch\.nn\.(?:Lazy)?(BatchNorm[123]d|SyncBatchNorm|InstanceNorm[123]d)$")
# The order of the arguments, which every norm of torch shares (the lazy ones lack the first).
_ORDER = ("num_features", "eps", "momentum", "affine", "track_running_stats")


@dataclass(frozen=True)
class NormLayer:
    """A call that builds a norm; ``skipped`` is how many leading positional arguments it lacks."""

    call: ast.Call
    kind: str
    skipped: int = 0

    def given(self, name: str) -> ast.expr | None:
        """What the call gives for an argument, by position or by name."""
        position = _ORDER.index(name) - self.skipped
        arguments = self.call.args[1:] if self.kind.startswith("partial ") else self.call.args
        call = ast.Call(func=self.call.func, args=arguments, keywords=self.call.keywords)
        if position >= 0:
            return argument(call, position, name)
        return next((k.value for k in call.keywords if k.arg == name), None)

    @property
    def by_position(self) -> bool:
        """Whether eps is given by its position."""
        return any(self.given("eps") is node for node in self.call.args)

    @property
    def open(self) -> bool:
        """Whether more may be given out of a ``*`` or ``**``."""
        return unpacks(self.call)

    @property
    def is_batch_norm(self) -> bool:
        return "BatchNorm" in self.kind


def built_norms(file: SourceFile) -> Iterator[NormLayer]:
    """Calls that build a norm of torch: its class, a partial of it, or ``super().__init__`` of a heir."""
    for call in file.every_call():
        tail = _tail(call.func)
        if tail == "partial" and call.args:
            kind = _kind(file, call.args[0])
            if kind is not None and file.resolve(call.func) == "functools.partial":
                yield NormLayer(call, f"partial {kind}", _skipped(file, call.args[0]))
        elif "Norm" in tail:
            kind = _kind(file, call.func)
            if kind is not None:
                yield NormLayer(call, kind, _skipped(file, call.func))
        elif tail == "__init__" and (heir := _heir(file, call)) is not None:
            yield heir


def _kind(file: SourceFile, node: ast.expr) -> str | None:
    found = _BUILT.match(file.resolve(node) or "")
    if found:
        return found[1]
    owner = file.classes.named(node) if _tail(node) else None
    if owner is None or any("__init__" in one.methods for one in owner.lineage()):
        return None
    return inherited_kind(owner)


def inherited_kind(owner: ClassInfo) -> str | None:
    """The norm of torch that a class inherits from."""
    return next((found[1] for base in owner.outer_bases if (found := _BUILT.match(base))), None)


def _heir(file: SourceFile, call: ast.Call) -> NormLayer | None:
    """``super().__init__(features, eps, momentum)`` in a class that inherits from a norm of torch."""
    func, owner = call.func, file.class_of(call)
    if owner is None or not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Call):
        return None
    kind = next((found[1] for base in owner.bases if (found := _BUILT.match(base))), None)
    return NormLayer(call, kind) if kind and _tail(func.value.func) == "super" else None


def _skipped(file: SourceFile, node: ast.expr) -> int:
    return 1 if ".Lazy" in (file.resolve(node) or "") else 0


def kept_as(file: SourceFile, node: ast.AST) -> str | None:
    """The attribute of ``self`` that a built module becomes, alone or within a container."""
    statement = file.statement(node)
    info = file.functions.method_around(node)
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    for target in targets:
        if isinstance(target, ast.Attribute) and info and is_self(target.value, info.receiver):
            return target.attr
    return None


def holds_batch_norm(file: SourceFile, node: ast.AST, depth: int = 3) -> ast.Call | None:
    """The call within an expression that builds a batch norm with statistics, or a module that has one."""
    norms = _batch_norms(file)
    for call in within(node):
        if not isinstance(call, ast.Call) or _optional(file, call, node):
            continue
        if call in norms:
            return call
        owner = file.classes.named(call.func)
        init = owner.methods.get("__init__") if owner else None
        if owner is not None and init is not None and depth and owner.is_module:
            for made in owner.file.calls_in(init):
                if not _optional(owner.file, made, init) and holds_batch_norm(owner.file, made, depth - 1):
                    return call
    return None


@lru_cache(maxsize=4)
def _batch_norms(file: SourceFile) -> frozenset[ast.Call]:
    return frozenset(
        layer.call
        for layer in built_norms(file)
        if layer.is_batch_norm and literal(layer.given("track_running_stats")) is not False
    )


def _optional(file: SourceFile, node: ast.AST, stop: ast.AST) -> bool:
    """Whether a condition stands between a node and what it is a part of."""
    for outer in file.ancestors(node) if node is not stop else ():
        if isinstance(outer, (ast.If, ast.IfExp, ast.BoolOp)):
            return True
        if outer is stop:
            break
    return False


def _tail(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def only_in_training(file: SourceFile, call: ast.Call, attribute: str | None) -> bool:
    """Whether the class uses what it keeps under an attribute in train mode alone."""
    owner = file.class_of(call)
    if owner is None or attribute is None:
        return False
    uses = [
        node
        for method in owner.methods.values()
        for node in file.index.attributes.get(method, ())
        if node.attr == attribute and isinstance(node.ctx, ast.Load) and method.name != "__init__"
    ]
    return bool(uses) and all(gated(file, use) for use in uses)
