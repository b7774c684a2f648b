"""Dropouts whose noise reaches a batch norm, which stores a variance that eval mode does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Evidence, Measure, Sighting
from evalcheck.graph import ModelGraph, uses
from evalcheck.graph.flows import noise
from evalcheck.graph.flows.noise import Noise


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One per pair of lines, the dropout's and the norm's; one hypothesis for all paths that are mixed."""
    trace, limit = uses.in_train(graph), float(options["ratio"])
    groups = noise.grouped(graph, (path for path in graph.flow if path.ratio >= limit))
    for group in groups:
        yield _sighting(group, limit)
    if not groups:
        uses.demand_whole(trace, graph)


def _sighting(group: Noise, limit: float) -> Sighting:
    nearest, count = group.nearest, len(group.paths)
    many = f" ({count} norms are met in this way)" if count > 1 else ""
    what = "predicted variance ratio at the norm, train to eval (zero-mean inputs)"
    evidence: list[Evidence] = [*group.quotes, Measure(what, nearest.ratio, limit=limit)]
    if count > 1:
        evidence.append(group.table)
    start, *others = group.places
    return Sighting(
        layer="graph",
        place=start,
        message=(
            f"Dropout at rate {nearest.p:g} reaches the batch norm {nearest.norm_path!r} {group.way}{many}. "
            "Dropout raises the variance in train mode; the norm stores it and divides by it in eval mode, "
            f"where the variance is lower: {group.expectation}."
        ),
        evidence=tuple(evidence),
        others=tuple(others),
        strength="slight" if nearest.merges else "usual",
    )
