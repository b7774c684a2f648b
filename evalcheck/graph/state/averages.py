"""Averaged copies that a model holds: of which part each is one, and how the two compare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView

# Relative distance of the parameters below which a copy is taken to follow its twin.
FOLLOWS = 0.5
_NAME = re.compile(
    r"(^|_)(ema|teacher|momentum|target|shadow|averaged?|avg|mean|swa|slow|k|key)(_|\d|$)|^(ema|swa)", re.I
)


@dataclass(frozen=True)
class Average:
    """``copy`` is the path of the averaged module, ``online`` that of the one it follows, if it is there.

    ``updates`` counts how often it was averaged; None where nobody counts. Two parts with one structure
    of which one is named like an average are taken for one; blocks of a list are not.
    """

    copy: str
    online: str | None
    updates: int | None = None


def of(graph: ModelGraph) -> list[Average]:
    """Wrappers by their class (``AveragedModel``, timm's ``ModelEma``), twins by name and structure."""
    found = [one for path in graph.modules if (one := _wrapped(graph, path)) is not None]
    taken = {one.copy for one in found}
    for path, view in graph.modules.items():
        name = path.rpartition(".")[2]
        if not _NAME.search(name) or any(_within(path, copy) or _within(copy, path) for copy in taken):
            continue
        online = _twin(graph, path, view.module)
        if online is not None:
            found.append(Average(path, online))
            taken.add(path)
    return found


def inside(averages: list[Average], path: str) -> bool:
    """Whether a module belongs to one of the copies."""
    return any(_within(path, one.copy) for one in averages)


def _wrapped(graph: ModelGraph, path: str) -> Average | None:
    view = graph.modules[path]
    if view.class_name != "AveragedModel" and not view.class_name.startswith("ModelEma"):
        return None
    name = next((n for n in ("module", "ema") if isinstance(getattr(view.module, n, None), nn.Module)), None)
    copy = f"{path}.{name}" if path else str(name)
    if name is None or copy not in graph.modules:
        return None
    count = getattr(view.module, "n_averaged", None)
    online = _twin(graph, path, graph.modules[copy].module) if path else None
    return Average(copy, online, int(count) if isinstance(count, Tensor) and not count.is_meta else None)


def _twin(graph: ModelGraph, path: str, copy: nn.Module) -> str | None:
    """A sibling of ``path`` that has the copy's structure, and is not called an average itself."""
    parent_path, _, name = path.rpartition(".")
    parent = graph.modules[parent_path].module
    if isinstance(parent, (nn.ModuleList, nn.Sequential)):
        return None
    shape = _structure(copy)
    twins = [
        other
        for other, sibling in parent.named_children()
        if other != name and not _NAME.search(other) and sibling is not copy and _structure(sibling) == shape
    ]
    if not shape or not twins:
        return None
    # Of several the one that is named like it: actor_target follows actor, not critic.
    nearest = max(twins, key=lambda twin: (twin in name, len(twin)))
    return f"{parent_path}.{nearest}" if parent_path else nearest


def _structure(module: nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    return [(n, tuple(p.shape)) for n, p in module.named_parameters()]


def _within(path: str, top: str) -> bool:
    return not top or path == top or path.startswith(f"{top}.")


def norms(graph: ModelGraph, average: Average) -> Iterator[tuple[ModuleView, ModuleView | None]]:
    """The copy's norms with running statistics, each with its twin in the online part."""
    for path, view in graph.modules.items():
        if not _within(path, average.copy) or view.statistics is None:
            continue
        yield view, _twin_of(graph, average, path)


def buffers(graph: ModelGraph, average: Average) -> Iterator[tuple[ModuleView, str, Tensor, Tensor | None]]:
    """The copy's own buffers: module, name in it, value, and the online value of the same name and shape."""
    for path, view in graph.modules.items():
        if not _within(path, average.copy):
            continue
        twin = _twin_of(graph, average, path)
        others = dict(twin.module.named_buffers(recurse=False)) if twin is not None else {}
        for name, value in view.module.named_buffers(recurse=False):
            if value.is_meta or value.is_quantized or not value.numel():
                continue
            other = others.get(name)
            yield view, name, value, other if other is not None and other.shape == value.shape else None


def _twin_of(graph: ModelGraph, average: Average, path: str) -> ModuleView | None:
    if average.online is None:
        return None
    twin = f"{average.online}{path[len(average.copy) :]}"
    return graph.modules.get(twin)


def apart(graph: ModelGraph, average: Average) -> float | None:
    """Distance of the copy's parameters from the online ones, relative to the latter's length."""
    if average.online is None:
        return None
    copy, online = graph.modules[average.copy].module, graph.modules[average.online].module
    distance = length = 0.0
    with torch.no_grad():
        for mine, theirs in zip(copy.parameters(), online.parameters(), strict=False):
            if mine.is_meta or theirs.is_meta or mine.shape != theirs.shape:
                return None
            distance += float((mine.double() - theirs.double().to(mine.device)).square().sum())
            length += float(theirs.double().square().sum())
    return (distance / length) ** 0.5 if length else None


def left_at_start(graph: ModelGraph, average: Average) -> list[ModuleView]:
    """The copy's norms whose statistics are those of construction and should not be.

    Those of the online part moved, or the copy was averaged and its scale and shift show it. A part of
    the same structure that follows nobody, such as a random target, is far from its twin: not meant.
    """
    still = [(v, twin) for v, twin in norms(graph, average) if v.statistics_at_start]
    if average.online is None:
        return [view for view, _ in still if average.updates and view.affine_at_start is False]
    still = [(v, twin) for v, twin in still if twin is not None and twin.statistics_at_start is False]
    close = (apart(graph, average) or 0.0) < FOLLOWS if still else False
    return [view for view, _ in still if close or view.affine_at_start is False]


def shift(one: ModuleView, two: ModuleView) -> float | None:
    """Symmetrised Kullback-Leibler divergence of two norms' Gaussians N(mean, var), mean over channels.

    ((v1 + d^2) / v2 + (v2 + d^2) / v1) / 2 - 1 with d the difference of the means: the sum of the two
    divergences of Kullback and Leibler (1951).
    """
    first, second = one.statistics, two.statistics
    if first is None or second is None or first[0].shape != second[0].shape:
        return None
    (m1, v1), (m2, v2) = ([t.double().cpu() for t in pair] for pair in (first, second))
    v1, v2, d2 = v1.clamp_min(1e-5), v2.clamp_min(1e-5), (m1 - m2).square()
    return float((((v1 + d2) / v2 + (v2 + d2) / v1) / 2 - 1).mean())
