"""Batch norms that run more than once per forward and mix all their inputs into one average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Quote, Sighting
from evalcheck.graph import ModelGraph, ModuleView, uses
from evalcheck.graph.listing import agree, counted, listed


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """A hypothesis: whether the calls see different data is for a probe to measure."""
    trace = uses.in_train(graph)
    shared = [view for view in graph.modules.values() if view.kind == "batchnorm" and _calls(graph, view) > 1]
    if not shared:
        uses.demand_whole(trace, graph)
        return
    first, calls = shared[0], _calls(graph, shared[0])
    quotes = [
        Quote(graph.place(first.path), "the norm is built here"),
        *(
            Quote(Place(call.span, call.path), f"call {call.index + 1}")
            for call in uses.updating(graph, first)[:3]
        ),
    ]
    many = {_calls(graph, view) for view in shared}
    times = f"{calls} times" if len(many) == 1 else f"up to {max(many)} times"
    yield Sighting(
        layer="graph",
        place=graph.place(first.path),
        message=(
            f"{counted(shared, 'batch norm')} {agree(shared, 'runs', 'run')} {times} in one forward. Train "
            "mode normalises each call by that call's own statistics; eval mode uses one running average of "
            "all of them, which fits none where the calls see different data. Whether they do, only real "
            "batches can show."
        ),
        evidence=(
            *(quote for quote in quotes if quote.place.span),
            Measure("calls per forward", float(calls), limit=1.0),
            listed(graph, shared, "Batch norms called several times", {"calls": lambda v: _calls(graph, v)}),
        ),
        others=tuple(graph.place(view.path) for view in shared[1:]),
        strength="slight",
    )


def _calls(graph: ModelGraph, view: ModuleView) -> int:
    return len(uses.updating(graph, view))
