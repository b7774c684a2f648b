"""Norms whose running statistics are still those of construction, in a model that is not new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalcheck.finding import Quote, Sighting, Strength, Unanswerable
from evalcheck.graph import ModelGraph, ModuleView, uses
from evalcheck.graph.listing import agree, counted, listed


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for norms whose own scale and shift were learned, one for those that cannot tell."""
    uses.demand_trained(graph)
    still = [
        view
        for view in graph.modules.values()
        if view.statistics_at_start and graph.reached(view.path, "eval") is not False and _learns(graph, view)
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
        yield _sighting(graph, learned, message, "usual")
    if unsure:
        message = (
            f"{counted(unsure, 'norm')} still {agree(unsure, 'has', 'have')} the running statistics of "
            "construction, mean 0 and variance 1, while other parts of the model were trained or loaded. "
            "Either this part is new and not trained yet, or its statistics were never updated and eval mode "
            "will be wrong."
        )
        yield _sighting(graph, unsure, message, "slight")


def _learns(graph: ModelGraph, view: ModuleView) -> bool:
    """Whether train mode uses batch statistics there: a frozen norm does the same in both modes."""
    calls = graph.train.calls(view.path) if graph.train is not None else []
    return not calls or any(call.training for call in calls)


def _sighting(graph: ModelGraph, views: Sequence[ModuleView], message: str, strength: Strength) -> Sighting:
    places = [graph.place(view.path) for view in views]
    table = listed(graph, views, "Running statistics at their start", {"batches seen": lambda v: v.batches})
    return Sighting(
        layer="graph",
        place=places[0],
        message=message,
        evidence=(*(Quote(p, "the norm is built here") for p in places[:1] if p.span), table),
        others=tuple(places[1:]),
        strength=strength,
    )
