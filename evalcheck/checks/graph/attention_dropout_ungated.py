"""Fused attention that dropped weights in a forward in eval mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Sighting
from evalcheck.graph import ModelGraph, operations, uses
from evalcheck.graph.stochastic import draws, purpose
from evalcheck.graph.stochastic.draws import Draws


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per line, for all modules that run it."""
    trace = uses.in_eval(graph)
    active = [n for n in draws.awake(graph) if (drop := operations.attention(n)) and drop.active]
    for drawn in draws.together(graph, active):
        why = purpose.of(trace, drawn.first)
        if why != "declared":
            yield _sighting(drawn, doubtful=why != "untold")
    if not active:
        uses.demand_whole(trace, graph)


def _sighting(drawn: Draws, doubtful: bool) -> Sighting:
    drop = operations.attention(drawn.first)
    assert drop is not None
    place, *others = drawn.places
    return Sighting(
        layer="graph",
        place=place,
        message=(
            f"{getattr(drawn.first.target, '__name__', 'attention')}{drawn.where} got a dropout rate of "
            f"{drop.p:g} in a forward in eval mode. It does not know the mode itself, so attention weights "
            "are dropped at random in evaluation too."
        ),
        evidence=(*drawn.quotes, Measure("dropout rate of the attention in eval mode", drop.p, limit=0.0)),
        others=tuple(others),
        strength="slight" if doubtful else "usual",
    )
