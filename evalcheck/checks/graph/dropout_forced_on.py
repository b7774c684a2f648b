"""Functional dropouts that are told to drop in every mode, and do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.graph import ModelGraph, uses
from evalcheck.graph.stochastic import own_dropouts


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per line with a literal True that was active in eval mode and is not declared."""
    found = [dropout for dropout in own_dropouts.active(graph) if dropout.told == "on"]
    for dropout in found:
        place, *others = dropout.drawn.places
        if dropout.purpose != "declared":
            yield Sighting(
                layer="graph",
                place=place,
                message=(
                    f"{dropout.name}{dropout.drawn.where} is told to drop in every mode, and dropped values "
                    f"at rate {dropout.p:g} in a forward in eval mode: outputs for one input differ. If that "
                    "is wanted (Monte Carlo dropout), declare it; else pass self.training."
                ),
                evidence=dropout.drawn.quotes,
                others=tuple(others),
            )
    if not found:
        uses.demand_whole(uses.in_eval(graph), graph)
