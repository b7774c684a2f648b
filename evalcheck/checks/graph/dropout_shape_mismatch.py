"""Dropout1d, 2d and 3d on inputs that lack the dimensions whose values they drop together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Quote, Sighting, Unanswerable
from evalcheck.graph import ModelGraph
from evalcheck.graph.channels.channel_calls import ChannelCall, misfits


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per module, or per functional call; made-up inputs make it a hypothesis."""
    trace = graph.train or graph.eval
    if trace is None or not trace.shaped:
        raise Unanswerable(graph.refusals.get("train", "the shapes of the inputs are not known"))
    for call in misfits(graph, trace):
        yield _sighting(graph, call)


def _sighting(graph: ModelGraph, call: ChannelCall) -> Sighting:
    called, built = Place(call.node.meta["span"], call.path), graph.place(call.path)
    view = graph.modules.get(call.path)
    module = view is not None and view.kind == "dropout"
    name = f"{view.class_name} {call.path!r}" if view is not None and module else f"F.{call.operation}"
    quotes = (Quote(built, "the dropout is built here"), Quote(called, "and called here"))
    return Sighting(
        layer="graph",
        place=built if module else called,
        message=f"{name} gets an input of shape {call.shape} and {call.effect}.",
        evidence=tuple(q for q in (quotes if module else quotes[1:]) if q.place.span),
        strength="slight" if graph.synthetic else call.strength,
    )
