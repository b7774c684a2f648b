"""Norms whose running statistics are still those of construction, in a model that is not new."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting, Unanswerable
from evalcheck.graph import ModelGraph, ModuleView, uses
from evalcheck.graph.listing import agree, counted, together
from evalcheck.graph.state import averages

CAPTION = "Running statistics at their start"
COLUMNS: dict[str, Callable[[ModuleView], object]] = {"batches seen": lambda v: v.batches}


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for norms whose own scale and shift were learned, one for those that cannot tell."""
    uses.demand_trained(graph)
    copied = {view.path for a in averages.of(graph) for view in averages.left_at_start(graph, a)}
    still = [
        view
        for view in graph.modules.values()
        if view.statistics_at_start
        and view.path not in copied  # ema-buffers-not-synced says more of these
        and graph.reached(view.path, "eval") is not False
        and _learns(graph, view)
    ]
    if still and graph.fresh is None:
        raise Unanswerable("it cannot be told whether the model was trained or loaded")
    learned = [view for view in still if view.affine_at_start is False]
    unsure = [view for view in still if view.affine_at_start is not False]
    if learned:
        message = (
            f"{counted(learned, 'norm')} never updated the running statistics: they are still mean 0 and "
            "variance 1, though the scale and shift were learned. In eval mode the inputs are divided by "
            "numbers that have nothing to do with them."
        )
        yield together(graph, learned, message, CAPTION, COLUMNS)
    if unsure:
        message = (
            f"{counted(unsure, 'norm')} still {agree(unsure, 'has', 'have')} the running statistics of "
            "construction, mean 0 and variance 1, while other parts of the model were trained or loaded. "
            "Either this part is new and not trained yet, or its statistics were never updated and eval mode "
            "will be wrong."
        )
        yield together(graph, unsure, message, CAPTION, COLUMNS, strength="slight")


def _learns(graph: ModelGraph, view: ModuleView) -> bool:
    """Whether train mode uses batch statistics there: a frozen norm does the same in both modes."""
    calls = graph.train.calls(view.path) if graph.train is not None else []
    return not calls or any(call.training for call in calls)
