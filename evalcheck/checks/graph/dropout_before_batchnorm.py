"""Dropouts whose noise reaches a batch norm, which stores a variance that eval mode does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Evidence, Measure, Place, Quote, Sighting, Table, Unanswerable
from evalcheck.graph import DropoutPath, ModelGraph, operations

Group = list[DropoutPath]


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per pair of lines: the dropout's and the norm's, however often they were built."""
    if graph.train is None:
        raise Unanswerable(f"no forward in train mode: {graph.refusals.get('train', 'not run')}")
    groups: dict[object, Group] = {}
    for path in graph.flow:
        if ratio(path.p) >= float(options["ratio"]):
            ends = (graph.place_of(path.dropout), graph.place(path.norm_path))
            groups.setdefault(tuple(end.span or end.module for end in ends), []).append(path)
    for group in groups.values():
        yield _sighting(graph, group, float(options["ratio"]))
    if not groups and not graph.train.complete:
        raise Unanswerable(
            f"the forward in train mode stopped early: {graph.refusals.get('train', 'too long')}"
        )


def ratio(p: float) -> float:
    """Variance in train mode over that in eval mode behind a dropout of rate ``p``, for zero-mean inputs.

    Li et al. (arXiv 1801.05134), Eq. 8 with c = 0: 1 / (1 - p). More where the inputs have one
    sign, as behind ReLU; less once the noise is mixed with values that were not dropped.
    """
    return 1 / (1 - p) if p < 1 else float("inf")


def _sighting(graph: ModelGraph, group: Group, limit: float) -> Sighting:
    nearest = min(group, key=lambda path: (path.merges, len(path.steps)))
    start, end = graph.place_of(nearest.dropout), graph.place(nearest.norm_path)
    between = [operations.name(step, graph.modules) for step in nearest.steps]
    way = f"through {', '.join(between[:6])}{', …' if len(between) > 6 else ''}" if between else "directly"
    many = f" ({len(group)} norms are met in this way)" if len(group) > 1 else ""
    quotes = [
        Quote(start, f"dropout with rate {nearest.p:g}"),
        *(Quote(Place(s.meta["span"], s.meta["module"]), "then") for s in nearest.steps[:6]),
        Quote(end, "the batch norm that stores the variance"),
    ]
    evidence: list[Evidence] = [quote for quote in quotes if quote.place.span]
    evidence.append(
        Measure("predicted variance ratio, train to eval (zero-mean inputs)", ratio(nearest.p), limit=limit)
    )
    if len(group) > 1:
        rows = tuple((str(p.dropout.meta["module"]), p.norm_path, str(len(p.steps))) for p in group[:12])
        evidence.append(Table(f"{len(group)} paths", ("dropout in", "batch norm", "steps between"), rows))
    places = [
        place for path in group for place in (graph.place_of(path.dropout), graph.place(path.norm_path))
    ]
    return Sighting(
        layer="graph",
        place=start,
        message=(
            f"Dropout at rate {nearest.p:g} reaches the batch norm {nearest.norm_path!r} {way}{many}. "
            "Dropout raises the variance in train mode; the norm stores it and divides by it in eval mode, "
            f"where the variance is lower: up to {ratio(nearest.p):.2f} times for zero-mean inputs."
        ),
        evidence=tuple(evidence),
        others=tuple(dict.fromkeys(place for place in places if place != start)),
        strength="slight" if nearest.merges else "usual",
    )
