"""Modules whose ``train()`` or ``eval()`` is not torch's, and what becomes of the flags when it is called."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Literal

from torch import nn

from evalcheck.finding import Place, Span, Strength
from evalcheck.graph.building import methods
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.recording.callers import located
from evalcheck.graph.state.effects import effect
from evalcheck.graph.state.modes import replaced
from evalcheck.guard import untouched
from evalcheck.guard.modes import takes_mode

# ``signature``: it takes no mode; ``raises``: it fails; ``stuck``: modules are still in train mode after
# it; ``returns``: it does not return the module.
Fault = Literal["signature", "raises", "stuck", "returns"]


@dataclass(frozen=True)
class Override:
    """One faulty method of one module. ``left`` are the modules that it leaves in train mode."""

    path: str
    name: str
    fault: Fault
    place: Place
    detail: str = ""
    left: tuple[str, ...] = ()
    assigned: bool = False


def faulty(graph: ModelGraph) -> Iterator[Override]:
    """The faults of all overrides that are not torch's own, each called under a guard, deepest first.

    A method whose parameter is no mode is not called: it may start a training.
    """
    paths = [path for path, view in graph.modules.items() if _own_names(view.module)]
    if not paths:
        return
    found: list[Override] = []
    with untouched(graph.model):
        for path in sorted(paths, key=lambda p: -p.count(".") if p else 1):
            module = graph.modules[path].module
            known = {stuck for one in found for stuck in one.left}
            for name in _own_names(module):
                new = _judged(graph, path, name, known)
                # What fails deeper down fails in every method that calls it.
                found += [n for n in new if n.fault != "raises" or n.detail not in {f.detail for f in found}]
    yield from found


def _own_names(module: nn.Module) -> list[str]:
    """Which of the two methods are somebody's own, and not torch's."""
    return [n for n in ("train", "eval") if replaced(module, n) and not _of_torch(module, n)]


def _of_torch(module: nn.Module, name: str) -> bool:
    function = inspect.unwrap(getattr(getattr(module, name), "__func__", getattr(module, name)))
    return str(getattr(function, "__module__", "")).startswith("torch.")


def _judged(graph: ModelGraph, path: str, name: str, known: set[str]) -> list[Override]:
    module = graph.modules[path].module
    assigned = name in vars(module)
    place = Place(_defined(module, name), path)
    function: Any = getattr(module, name)
    if name == "eval" and path and not assigned:
        return []  # nobody calls it: eval() of a parent calls train(False) of its children
    if not takes_mode(function, name):
        entry = name == "train" and replaced(module, "eval")
        return [] if entry else [Override(path, name, "signature", place, assigned=assigned)]
    for view in graph.modules.values():
        _set(view.module, view.training)
    try:
        # First train(): what it keeps in eval mode is pinned there, and eval() has nothing to undo.
        if takes_mode(module.train, "train"):
            module.train()
        result = function(False) if name == "train" else function()
    except Exception as error:
        return [Override(path, name, "raises", place, f"{type(error).__name__}: {error}", assigned=assigned)]
    left = [p for p in _awake(graph, path) if p not in known]
    if left:
        return [Override(path, name, "stuck", place, left=tuple(left), assigned=assigned)]
    if result is not module and not assigned:
        kind = "None" if result is None else f"a {type(result).__name__}"
        return [Override(path, name, "returns", place, kind)]
    return []


def _set(module: nn.Module, mode: bool) -> None:
    with suppress(AttributeError, RuntimeError):  # a property, or a scripted module: it keeps its own
        module.training = mode


def _awake(graph: ModelGraph, path: str) -> list[str]:
    """Modules at and below a path that train, and for which that matters."""
    start = f"{path}." if path else ""
    return [
        p
        for p, view in graph.modules.items()
        if (p == path or p.startswith(start)) and view.module.training and effect(view.module)
    ]


def _defined(module: nn.Module, name: str) -> Span | None:
    """The line of the method's ``def``, or of the function that was put in its place."""
    if name in vars(module):
        function = inspect.unwrap(getattr(vars(module)[name], "__func__", vars(module)[name]))
        if not isinstance(function, FunctionType):
            return None
        line = function.__code__.co_firstlineno
        return located(function.__code__.co_filename, line, line, 0, 0)
    for method in methods.of(type(module)):
        if method.name == name:
            node = next(n for n in ast.walk(method.tree) if isinstance(n, ast.FunctionDef))
            return located(method.filename, node.lineno, node.lineno, node.col_offset, node.col_offset + 3)
    return None


def strength(graph: ModelGraph, override: Override) -> Strength:
    """How bad a fault is: a norm in train mode is sure harm, dropout may be kept on to sample."""
    if override.fault == "returns" and override.path:
        return "slight"  # parents do not look at what it returns
    if override.fault != "stuck":
        return "usual"
    norms = {"batchnorm", "instancenorm"}
    if any(graph.modules[path].kind in norms for path in override.left):
        return "grave"
    return "slight" if _switches(graph, override) else "usual"


def _switches(graph: ModelGraph, override: Override) -> bool:
    """Whether the method calls torch's own or sets modes itself, as one does that leaves some on purpose."""
    for method in methods.of(type(graph.modules[override.path].module)):
        if method.name == override.name and not override.assigned:
            nodes = [n for n in ast.walk(method.tree) if isinstance(n, ast.Attribute)]
            return any(n.attr in ("train", "eval", "training") for n in nodes)
    return False


def grouped(graph: ModelGraph, found: Iterable[Override]) -> list[list[Override]]:
    """Overrides of one class with one fault: one line of source, one thing to mend."""
    groups: dict[object, list[Override]] = {}
    for one in found:
        key = (type(graph.modules[one.path].module), one.name, one.fault, one.assigned, one.path == "")
        groups.setdefault(key, []).append(one)
    return list(groups.values())
