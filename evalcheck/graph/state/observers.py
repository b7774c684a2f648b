"""Observers of quantisation, which record the range of what runs through them whatever the mode is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView


@dataclass(frozen=True)
class Observer:
    """One that learns from activations. ``simulating`` tells a fake quantisation from a calibration.

    ``seen`` is whether it has recorded anything yet.
    """

    view: ModuleView
    simulating: bool
    seen: bool


def recording(graph: ModelGraph) -> Iterator[Observer]:
    """Observers of activations that record in eval mode; told by their buffers, not by an import.

    Those of weights are passed by, since weights stand still in eval mode, and those that keep nothing.
    """
    simulated: list[str] = []
    for path, view in graph.modules.items():
        if "weight_fake_quant" in path or "weight_post_process" in path:
            continue
        if any(path.startswith(f"{top}.") for top in simulated):
            continue
        enabled = getattr(view.module, "observer_enabled", None)
        if isinstance(enabled, Tensor):
            simulated.append(path)
            inner = getattr(view.module, "activation_post_process", view.module)
            if _learns(inner) and not enabled.is_meta and bool(enabled.bool().any()):
                yield Observer(view, True, _seen(inner))
        elif view.class_name.endswith("Observer") and _learns(view.module):
            yield Observer(view, False, _seen(view.module))


def _learns(module: nn.Module) -> bool:
    low = getattr(module, "min_val", None)
    fixed = type(module).__name__.startswith("FixedQParams")
    return isinstance(low, Tensor) and not low.is_meta and not fixed


def _seen(module: nn.Module) -> bool:
    low = getattr(module, "min_val", None)
    return isinstance(low, Tensor) and bool(low.numel()) and bool(low.isfinite().all())
