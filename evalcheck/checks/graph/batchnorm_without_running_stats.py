"""Batch norms that do not keep running statistics, or stopped keeping them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalcheck.finding import Quote, Sighting, Strength
from evalcheck.graph import ModelGraph, ModuleView, uses
from evalcheck.graph.listing import agree, counted, listed


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Built without statistics, built without them and without scale and shift, switched off later."""
    suspects = [
        view
        for view in graph.modules.values()
        if view.kind == "batchnorm"
        and (view.statistics is None or not view.tracks)
        and not view.class_name.startswith("Lazy")
        and graph.reached(view.path, "eval") is not False
        and not uses.folded(graph, view)
    ]
    stopped = [view for view in suspects if view.statistics is not None]
    without = [view for view in suspects if view.statistics is None and view.affine_at_start is not None]
    # Full-graph normalisation and losses that standardise their batch have no scale and shift either.
    plain = [view for view in suspects if view.statistics is None and view.affine_at_start is None]
    kinds: list[tuple[list[ModuleView], str, Strength]] = [
        (without, _WITHOUT, "usual"),
        (plain, _WITHOUT, "slight"),
        (stopped, _STOPPED, "usual"),
    ]
    for views, message, strength in kinds:
        if views:
            text = message.format(names=counted(views, "batch norm"), keep=agree(views, "keeps", "keep"))
            yield _sighting(graph, views, text, strength)


_WITHOUT = (
    "{names} {keep} no running statistics, so that eval mode too normalises each sample by the batch it "
    "happens to be in: the output for one input changes with its neighbours and with the batch size."
)
_STOPPED = (
    "track_running_stats was switched off on {names} after construction: train mode no longer updates the "
    "running statistics, and eval mode still uses the old ones."
)


def _sighting(graph: ModelGraph, views: Sequence[ModuleView], message: str, strength: Strength) -> Sighting:
    places = [graph.place(view.path) for view in views]
    columns = {"batches seen": lambda v: v.batches} if views[0].statistics else {}
    quotes = [Quote(place, "the batch norm is built here") for place in places[:1] if place.span]
    return Sighting(
        layer="graph",
        place=places[0],
        message=message,
        evidence=(*quotes, listed(graph, views, "Batch norms that do not update statistics", columns)),
        others=tuple(places[1:]),
        strength=strength,
    )
