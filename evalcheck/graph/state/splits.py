"""Modules whose mode is not that of the model: left behind, woken by a forward, given so, or pinned."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from evalcheck.graph.kinds import kind_of
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.state import modes
from evalcheck.graph.state.effects import effect


@dataclass(frozen=True)
class Splits:
    """Modules in train mode where the model is in eval mode, each under the first that applies.

    ``stuck``: after ``model.eval()``, without a method of their own or above them that explains it.
    ``woken``: during a forward, after ``model.eval()`` had switched them. ``given``: as the model was
    handed over, in eval mode as a whole.
    """

    stuck: list[ModuleView]
    woken: list[ModuleView]
    given: list[ModuleView]


def of(graph: ModelGraph) -> Splits:
    """Modules without an effect in train mode, and those that eval mode does not run, do not count."""
    state = modes.of(graph)
    live = [
        v for v in graph.modules.values() if effect(v.module) and graph.reached(v.path, "eval") is not False
    ]
    after = state.eval or {}
    stuck = [v for v in live if after.get(v.path) and not _overridden(graph, v.path)]
    woken = [v for v in live if after.get(v.path) is False and _woken(graph, v.path)]
    given = []
    if not state.given.get("", True):
        # What train() of the model itself leaves in train mode is another fault.
        given = [v for v in live if v.training and not after.get(v.path) and v not in woken]
    return Splits(stuck, woken, given)


def pinned(graph: ModelGraph) -> list[ModuleView]:
    """Modules that were put in eval mode on purpose, and that ``model.train()`` puts back in train mode.

    On purpose: a norm or another layer alone, beside parts that train; or a whole part none of whose
    parameters learns. A whole part that learns may just come from a loader that gives eval mode.
    """
    state = modes.of(graph)
    if not state.given.get("") or state.train is None:
        return []
    return [
        view
        for path, view in graph.modules.items()
        if not view.training
        and state.train[path]
        and effect(view.module)
        and graph.reached(path, "train") is not False
        and _meant(graph, _top(graph, path))
    ]


def _top(graph: ModelGraph, path: str) -> nn.Module:
    """The outermost module around a path that is in eval mode itself."""
    top = path
    while (parent := top.rpartition(".")[0]) in graph.modules and not graph.modules[parent].training:
        top = parent
    return graph.modules[top].module


def _meant(graph: ModelGraph, top: nn.Module) -> bool:
    # A norm of a library may hold its activation.
    layer = kind_of(top) != "other" or next(top.children(), None) is None
    return layer or not any(p.requires_grad for p in top.parameters())


def _overridden(graph: ModelGraph, path: str) -> bool:
    """Whether the module or one around it has a ``train()`` or ``eval()`` of its own."""
    parts = path.split(".") if path else []
    around = ["", *(".".join(parts[: i + 1]) for i in range(len(parts)))]
    known = [graph.modules[p].module for p in around if p in graph.modules]
    return any(modes.replaced(module, name) for module in known for name in ("train", "eval"))


def _woken(graph: ModelGraph, path: str) -> bool:
    return graph.eval is not None and any(call.training for call in graph.eval.calls(path))
