"""Functional dropouts that drop values in a forward in eval mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Sighting
from evalcheck.graph import ModelGraph, uses
from evalcheck.graph.stochastic import own_dropouts
from evalcheck.graph.stochastic.own_dropouts import OwnDropout


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per line. A literal True for the mode is another rule's, declared noise is nobody's."""
    found = [dropout for dropout in own_dropouts.active(graph) if dropout.told != "on"]
    for dropout in found:
        if dropout.purpose != "declared":
            yield _sighting(dropout)
    if not found:
        uses.demand_whole(uses.in_eval(graph), graph)


def _sighting(dropout: OwnDropout) -> Sighting:
    place, *others = dropout.drawn.places
    reason = "is not told the mode" if dropout.told == "nothing" else "is told the mode by something else"
    doubtful = dropout.told == "own" or dropout.purpose == "hinted"
    return Sighting(
        layer="graph",
        place=place,
        message=(
            f"{dropout.name}{dropout.drawn.where} {reason}: in a forward in eval mode it dropped values at "
            f"rate {dropout.p:g}, and they reach the output. Each evaluation of one input gives another "
            "answer."
        ),
        evidence=(*dropout.drawn.quotes, Measure("rate of the dropout in eval mode", dropout.p, limit=0.0)),
        others=tuple(others),
        strength="slight" if doubtful else "usual",
    )
