"""Dropouts whose noise reaches a batch norm, which stores a variance that eval mode does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Evidence, Measure, Sighting
from evalcheck.graph import ModelGraph, noise, uses
from evalcheck.graph.noise import Noise


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per pair of lines: the dropout's and the norm's, however often they were built."""
    trace, limit = uses.in_train(graph), float(options["ratio"])
    groups = noise.grouped(graph, (path for path in graph.flow if ratio(path.p) >= limit))
    for group in groups:
        yield _sighting(group, limit)
    if not groups:
        uses.demand_whole(trace, graph)


def ratio(p: float) -> float:
    """Variance in train mode over that in eval mode behind a dropout of rate ``p``, for zero-mean inputs.

    Li et al. (arXiv 1801.05134), Eq. 8 with c = 0: 1 / (1 - p). More where the inputs have one
    sign, as behind ReLU; less once the noise is mixed with values that were not dropped.
    """
    return 1 / (1 - p) if p < 1 else float("inf")


def _sighting(group: Noise, limit: float) -> Sighting:
    nearest, count = group.nearest, len(group.paths)
    many = f" ({count} norms are met in this way)" if count > 1 else ""
    what = "predicted variance ratio, train to eval (zero-mean inputs)"
    evidence: list[Evidence] = [*group.quotes, Measure(what, ratio(nearest.p), limit=limit)]
    if count > 1:
        evidence.append(group.table)
    start, *others = group.places
    return Sighting(
        layer="graph",
        place=start,
        message=(
            f"Dropout at rate {nearest.p:g} reaches the batch norm {nearest.norm_path!r} {group.way}{many}. "
            "Dropout raises the variance in train mode; the norm stores it and divides by it in eval mode, "
            f"where the variance is lower: up to {ratio(nearest.p):.2f} times for zero-mean inputs."
        ),
        evidence=tuple(evidence),
        others=tuple(others),
        strength="slight" if nearest.merges else "usual",
    )
