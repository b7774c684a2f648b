"""What the classes of a file make of ``train()`` and ``eval()``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from evalcheck.finding import Edit, Fix
from evalcheck.source.classes import ClassInfo
from evalcheck.source.edits import insertion
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.receivers import is_module
from evalcheck.source.values import is_self, literal

# ``signature``: it cannot be called as torch calls it; ``arguments``: eval() needs some; ``inert``: it
# neither switches nor returns; ``returns``: it switches and returns nothing; ``replaced``: a value now.
Fault = Literal["signature", "arguments", "inert", "returns", "replaced"]

_MODE = re.compile(r"mode|train|flag|^is_|enable|status|state|^on$|value|bool|eval|^_|switch|active|^b$|^m$")
_STUBS = frozenset(("abstractmethod", "overload", "property", "staticmethod", "classmethod", "ignore"))


@dataclass(frozen=True)
class Override:
    """A train() or eval() of a module that does not do what torch's does."""

    node: ast.AST
    name: str
    fault: Fault
    function: FunctionInfo | None = None

    @property
    def for_another(self) -> bool:
        """Whether the method is handed a model: the object is an algorithm that trains it."""
        names = self.function.parameters[1:] if self.function else []
        return self.fault in ("signature", "arguments") and any(
            name in ("model", "module", "net", "network") for name in names
        )


def overrides(file: SourceFile) -> Iterator[Override]:
    """The faulty overrides in the classes of a file, and what is put in the methods' place."""
    for owner in file.classes:
        for name in ("train", "eval"):
            node = owner.methods.get(name)
            info = file.functions.by_node[node] if node is not None else None
            if info is None or _stub(info) or not _of_module(owner, info):
                continue
            if _entry_point(owner, info):
                continue
            fault = _signature(info) or _outcome(info)
            if fault is not None:
                yield Override(info.node, name, fault, info)
    yield from _replacements(file)


def _of_module(owner: ClassInfo, info: FunctionInfo) -> bool:
    """Whether the class is a module: for certain, or since only a module's train() has this form."""
    if owner.of_framework:
        return False
    if owner.is_module:
        return True
    unknown = owner.unknown_bases or any(
        not base.startswith(("abc.", "typing.")) for base in owner.outer_bases
    )
    first = info.node.args.args[1:2]
    return unknown and bool(first) and first[0].arg == "mode" and _calls_parent(info)


def _stub(info: FunctionInfo) -> bool:
    """Whether there is nothing to judge: an abstract or overloaded method, or one that only raises."""
    decorators = {_tail(d.func if isinstance(d, ast.Call) else d) for d in info.node.decorator_list}
    last = info.node.body[-1]
    dots = isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant) and last.value.value is ...
    return bool(decorators & _STUBS) or dots or isinstance(last, ast.Raise)


def _entry_point(owner: ClassInfo, info: FunctionInfo) -> bool:
    """Whether train() and eval() are both overridden, and this one switches nothing: a design of its own."""
    other = owner.method_info("eval" if info.name == "train" else "train")
    return other is not None and not _switches(info) and not _calls_children(info)


def _signature(info: FunctionInfo) -> Fault | None:
    """Whether ``train(mode)`` or ``eval()`` would fail, or start something else."""
    args = info.node.args
    positional = [*args.posonlyargs, *args.args][1:]
    needed = len(positional) - len(args.defaults)
    needed_by_name = any(default is None for default in args.kw_defaults)
    if info.name == "eval":
        return "arguments" if needed > 0 or needed_by_name else None
    if not positional:
        wrong = args.vararg is None
    else:
        wrong = needed > 1 or needed_by_name or not (_MODE.search(positional[0].arg) or _switches(info))
    return "signature" if wrong else None


def _outcome(info: FunctionInfo) -> Fault | None:
    if any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in _own(info)):
        return None
    if any(
        isinstance(n, ast.Return) and literal(n.value or ast.Constant(None)) is not None for n in _own(info)
    ):
        return None
    return "returns" if _switches(info) else "inert"


def _switches(info: FunctionInfo) -> bool:
    """Whether a method reaches torch's own, or sets the flag itself."""
    own = [node for node in _own(info) if isinstance(node, ast.Attribute)]
    return _calls_parent(info) or any(
        (node.attr == "training" and isinstance(node.ctx, ast.Store))
        or (node.attr in ("train", "eval") and isinstance(node.ctx, ast.Load))
        for node in own
        if is_self(node.value, info.receiver)
    )


def _calls_parent(info: FunctionInfo) -> bool:
    """``super().train(mode)`` or ``nn.Module.train(self, mode)``."""
    for call in info.file.calls_in(info.node):
        func = call.func
        if not isinstance(func, ast.Attribute) or func.attr not in ("train", "eval"):
            continue
        if isinstance(func.value, ast.Call) and _tail(func.value.func) == "super":
            return True
        if call.args and is_self(call.args[0], info.receiver):
            return True
    return False


def _calls_children(info: FunctionInfo) -> bool:
    """Whether a method calls train() or eval() of something, as one that switches modes does."""
    return any(
        isinstance(call.func, ast.Attribute) and call.func.attr in ("train", "eval") and len(call.args) <= 1
        for call in info.file.calls_in(info.node)
    )


def _own(info: FunctionInfo) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions in it."""
    scopes = set(info.file.index.inner.get(info.node, ()))
    waiting: list[ast.AST] = list(info.node.body)
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(child for child in ast.iter_child_nodes(node) if child not in scopes)


def _replacements(file: SourceFile) -> Iterator[Override]:
    """``self.train = True`` in a module, and ``model.eval = lambda: None``."""
    for scope, attributes in file.index.attributes.items():
        for node in attributes:
            parent = file.parent(node)
            if node.attr not in ("train", "eval") or not isinstance(node.ctx, ast.Store):
                continue
            if not isinstance(parent, (ast.Assign, ast.AnnAssign)) or parent.value is None:
                continue
            owner, info = file.class_of(node), file.functions.by_node.get(scope)
            itself = info is not None and is_self(node.value, info.receiver)
            if itself and (owner is None or not owner.is_module or owner.of_framework):
                continue
            if _is_no_method(file, parent.value, info if itself else None) and is_module(file, node.value):
                yield Override(node, node.attr, "replaced")


def _is_no_method(file: SourceFile, value: ast.expr, info: FunctionInfo | None) -> bool:
    """Whether a value is a switch, or a lambda that gives nothing back."""
    if isinstance(value, ast.Lambda):
        return literal(value.body) in (None, True, False)
    if isinstance(literal(value), bool):
        return True
    if info is None or not isinstance(value, ast.Name):
        return False
    every = [*info.node.args.args, *info.node.args.kwonlyargs]
    args = info.node.args
    defaults = dict(
        zip([a.arg for a in args.args][len(args.args) - len(args.defaults) :], args.defaults, strict=True)
    )
    found = next((a for a in every if a.arg == value.id), None)
    if found is None or value.id in file.index.stores[info.node]:
        return False
    return isinstance(literal(defaults.get(value.id)), bool) or _tail(found.annotation or found) == "bool"


def _tail(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def return_self(file: SourceFile, override: Override) -> Fix | None:
    """``return self`` at the end of a method that does all the rest."""
    info = override.function
    if override.fault != "returns" or info is None or info.receiver is None:
        return None
    last = info.node.body[-1]
    line = last.end_lineno or last.lineno
    if info.node.body[0].lineno == info.node.lineno:
        return None
    behind = insertion(file, line, len(file.lines.line(line).encode("utf8")))
    margin = " " * last.col_offset
    return Fix("return the module", (Edit(behind, f"\n{margin}return {info.receiver}"),), safe=False)
