"""Averaged copies in which buffers are means of things that have no mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting, Table
from evalcheck.graph import ModelGraph
from evalcheck.graph.state import averages
from evalcheck.graph.state.mixtures import Mixture, mixtures


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per averaged copy, of what is certain from the values alone."""
    for average in averages.of(graph):
        found = list(mixtures(graph, average))
        if found:
            yield _sighting(graph, average.copy, found)


def _sighting(graph: ModelGraph, copy: str, found: list[Mixture]) -> Sighting:
    first = found[0]
    paths = list(dict.fromkeys(mixture.path for mixture in found))
    many = f" ({len(found)} buffers are affected)" if len(found) > 1 else ""
    rows = tuple((mixture.name, mixture.what) for mixture in found[:12])
    return Sighting(
        layer="graph",
        place=graph.place(first.path),
        message=(
            f"In the averaged copy {copy!r} the buffer {first.name!r} is {first.what}{many}: it was averaged "
            "like a weight, though the mean of two of its values means nothing."
        ),
        evidence=(Table("Buffers that should not have been averaged", ("buffer", "what it is now"), rows),),
        others=tuple(graph.place(path) for path in paths[1:]),
    )
