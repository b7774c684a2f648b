"""The settings of batch norms that can be wrong by themselves: momentum, eps, frozen scale and shift."""

from __future__ import annotations

from torch import nn

from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.state import averages, modes


def moving(graph: ModelGraph) -> list[ModuleView]:
    """Batch norms whose statistics move in train mode: in train mode after ``model.train()``, and run there.

    Norms that were given in eval mode inside a model in train mode are left out: they are pinned, or
    meant to be.
    """
    state = modes.of(graph)
    after = state.train or state.given
    root = state.given.get("", True)
    found = []
    for path, view in graph.modules.items():
        if view.kind != "batchnorm" or view.statistics is None or not view.tracks:
            continue
        pinned = not after[path] or (root and not view.training)
        calls = graph.train.calls(path) if graph.train is not None else []
        still = (calls and not any(call.training for call in calls)) or graph.reached(path, "train") is False
        if not pinned and not still:
            found.append(view)
    return found


def momenta(graph: ModelGraph, large: float) -> dict[float, list[ModuleView]]:
    """Moving norms by momentum, where it is 0 or at least ``large``.

    Not at momentum 0: norms that learn no scale and shift, or whose statistics are not those of
    construction (frozen on purpose); and those at their start in a model that is not new, which is the
    fault that the 0 led to, and is reported as such.
    """
    found: dict[float, list[ModuleView]] = {}
    for view in moving(graph):
        value = view.momentum
        if value is None or 0 < value < large:
            continue
        if value <= 0 and (frozen(view) or not view.statistics_at_start or graph.fresh is False):
            continue
        found.setdefault(value, []).append(view)
    return found


def converted(view: ModuleView) -> bool:
    """Statistics that were never counted: they come from another framework, or an old checkpoint."""
    return view.statistics_at_start is False and not view.batches


def epsilons(graph: ModelGraph, large: float) -> dict[float, list[ModuleView]]:
    """Batch norms by eps, where it is at least ``large``."""
    found: dict[float, list[ModuleView]] = {}
    for view in graph.modules.values():
        eps = getattr(view.module, "eps", None)
        if view.kind == "batchnorm" and isinstance(eps, float) and eps >= large:
            found.setdefault(eps, []).append(view)
    return found


def frozen(view: ModuleView) -> bool:
    """Whether the norm has a scale or a shift, and learns neither."""
    own = list(view.module.parameters(recurse=False))
    return bool(own) and not any(p.requires_grad for p in own)


def frozen_moving(graph: ModelGraph) -> list[ModuleView]:
    """Moving norms with frozen scale and shift, in a model of which another part learns.

    Not those of averaged copies: a momentum encoder learns nothing by gradients, and runs in train mode.
    """
    if not any(p.requires_grad for p in graph.model.parameters()):
        return []
    found = [view for view in moving(graph) if frozen(view) and view.momentum != 0]
    copies = averages.of(graph) if found else []
    return [view for view in found if not averages.inside(copies, view.path)]


def alone(graph: ModelGraph, view: ModuleView) -> bool:
    """Frozen as it was built beside layers that learn: as if built without scale and shift."""
    if not view.affine_at_start:
        return False
    parent = graph.modules.get(view.path.rpartition(".")[0])
    around = parent.module.parameters() if parent is not None else nn.Module().parameters()
    own = {id(p) for p in view.module.parameters()}
    others = [p for p in around if id(p) not in own]
    return not others or any(p.requires_grad for p in others)
