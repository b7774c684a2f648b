"""Functional batch norms that normalised data by the batch in eval mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.graph import ModelGraph, uses
from evalcheck.graph.stochastic import batch_statistics


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per line. Statistics that are not the model's own may be meant for the batch at hand."""
    trace = uses.in_eval(graph)
    found = batch_statistics.met(graph, trace)
    for drawn, kept in found:
        place, *others = drawn.places
        moved = " and moved the running statistics that are saved with the model" if kept else ""
        yield Sighting(
            layer="graph",
            place=place,
            message=(
                f"batch_norm{drawn.where} is told training=True: in a forward in eval mode it normalised by "
                f"the batch at hand{moved}. What the model says of a sample depends on the samples beside it."
            ),
            evidence=drawn.quotes,
            others=tuple(others),
            strength="usual" if kept else "slight",
        )
    if not found:
        uses.demand_whole(trace, graph)
