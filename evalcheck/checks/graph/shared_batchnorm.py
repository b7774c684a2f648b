"""Batch norms that run more than once per forward and mix all their inputs into one average."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Quote, Sighting, Unanswerable
from evalcheck.graph import Call, ModelGraph, ModuleView
from evalcheck.graph.listing import agree, counted, listed


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """A hypothesis: whether the calls see different data is for a probe to measure."""
    if graph.train is None:
        raise Unanswerable(f"no forward in train mode: {graph.refusals.get('train', 'not run')}")
    shared = [view for view in graph.modules.values() if view.kind == "batchnorm" and _calls(graph, view) > 1]
    if not shared:
        if not graph.train.complete:
            raise Unanswerable(
                f"the forward in train mode stopped early: {graph.refusals.get('train', 'too long')}"
            )
        return
    first, calls = shared[0], _calls(graph, shared[0])
    quotes = [
        Quote(graph.place(first.path), "the norm is built here"),
        *(
            Quote(Place(call.span, call.path), f"call {call.index + 1}")
            for call in _updating(graph, first)[:3]
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


def _updating(graph: ModelGraph, view: ModuleView) -> list[Call]:
    """Calls that normalise by the batch and move running statistics, of the forward with the most of them."""
    if graph.train is None or view.statistics is None or not view.tracks:
        return []
    calls = [call for call in graph.train.calls(view.path) if call.training]
    roots = Counter(call.root for call in calls).most_common(1)
    return [call for call in calls if call.root == roots[0][0]]


def _calls(graph: ModelGraph, view: ModuleView) -> int:
    return len(_updating(graph, view))
