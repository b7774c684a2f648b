"""Functions that are off by default, were not told the mode, and so did nothing in train mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.graph import ModelGraph, uses
from evalcheck.graph.stochastic import idle_calls

_EFFECTS = {
    "batch_norm": "it used the running statistics in train mode too, and nothing ever moves them",
    "rrelu": "in train mode too it was a leaky ReLU with a fixed slope",
}


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per line that a module in train mode ran."""
    trace = uses.in_train(graph)
    found = idle_calls.met(graph, trace)
    for drawn in found:
        place, *others = drawn.places
        name = getattr(drawn.first.target, "__name__", "")
        effect = _EFFECTS.get(name, "it dropped nothing in train mode either")
        yield Sighting(
            layer="graph",
            place=place,
            message=f"{name}{drawn.where} is off by default and not told the mode: {effect}.",
            evidence=drawn.quotes,
            others=tuple(others),
        )
    if not found:
        uses.demand_whole(trace, graph)
