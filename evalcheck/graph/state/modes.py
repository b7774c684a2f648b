"""The mode of every module: as it was given, and after ``model.train()`` and ``model.eval()``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from evalcheck.graph.model_graph import ModelGraph
from evalcheck.guard import untouched
from evalcheck.guard.modes import switch

_KEPT = "_modes"


@dataclass(frozen=True)
class Modes:
    """Whether each module trains, by its path; None where ``train()`` or ``eval()`` of the model failed."""

    given: Mapping[str, bool]
    train: Mapping[str, bool] | None
    eval: Mapping[str, bool] | None


def of(graph: ModelGraph) -> Modes:
    """Switch the model under a guard and read the flags; torch's own methods need no trial.

    Done once for a graph and kept on it, as a ``cached_property`` would be: several checks ask.
    """
    if (kept := vars(graph).get(_KEPT)) is None:
        kept = vars(graph)[_KEPT] = _switched(graph)
    assert isinstance(kept, Modes)
    return kept


def _switched(graph: ModelGraph) -> Modes:
    given = {path: view.training for path, view in graph.modules.items()}
    if not any(_own(view.module) for view in graph.modules.values()):
        return Modes(given, dict.fromkeys(given, True), dict.fromkeys(given, False))
    with untouched(graph.model):
        return Modes(given, _after(graph, True), _after(graph, False))


def replaced(module: nn.Module, name: str) -> bool:
    """Whether ``train`` or ``eval`` of a module is not torch's: overridden, or assigned to the object."""
    return name in vars(module) or getattr(type(module), name) is not getattr(nn.Module, name)


def _own(module: nn.Module) -> bool:
    children = type(module).children is not nn.Module.children
    named = type(module).named_children is not nn.Module.named_children
    flag = getattr(type(module), "training", None) is not None
    return replaced(module, "train") or replaced(module, "eval") or children or named or flag


def _after(graph: ModelGraph, mode: bool) -> dict[str, bool] | None:
    try:
        # The model's own methods are asked, as a user would: they may keep frozen parts in eval mode.
        switch(graph.model, mode)
    except Exception:
        return None
    return {path: bool(view.module.training) for path, view in graph.modules.items()}
