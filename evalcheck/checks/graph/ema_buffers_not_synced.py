"""Averaged copies whose norm statistics were not taken along with the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Sighting
from evalcheck.graph import ModelGraph
from evalcheck.graph.listing import agree, counted, together
from evalcheck.graph.state import averages
from evalcheck.graph.state.averages import Average

START = (
    "{names} of the averaged copy {copy!r} still {have} the running statistics of construction, mean 0 and "
    "variance 1, though {why}: the parameters were averaged, and the buffers were not. In eval mode the copy "
    "divides by numbers that have nothing to do with its inputs."
)
FAR = (
    "{names} of the averaged copy {copy!r} {have} other running statistics than {online!r}, whose parameters "
    "are only {apart:.1%} away: the buffers seem to be left out of the average, so that eval mode of the "
    "copy uses statistics of another time."
)
CAPTION = "Norms of the averaged copy"


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """For each copy: statistics at their start, else statistics far from those of the online part."""
    for average in averages.of(graph):
        still = averages.left_at_start(graph, average)
        if still:
            moved = f"those of {average.online!r} moved"
            why = moved if average.online is not None else f"it was averaged {average.updates} times"
            names, have = counted(still, "norm"), agree(still, "has", "have")
            message = START.format(names=names, copy=average.copy, have=have, why=why)
            columns = {"batches seen": lambda v: v.batches}
            yield together(graph, still, message, CAPTION, columns, strength="grave")
        elif (apart := averages.apart(graph, average)) is not None and apart <= options["close"]:
            yield from _far(graph, average, apart, float(options["shift"]))


def _far(graph: ModelGraph, average: Average, apart: float, limit: float) -> Iterator[Sighting]:
    shifts = {
        view.path: shift
        for view, twin in averages.norms(graph, average)
        if twin is not None and (shift := averages.shift(view, twin)) is not None and shift > limit
    }
    if shifts:
        views = sorted((graph.modules[path] for path in shifts), key=lambda v: -shifts[v.path])
        names, have = counted(views, "norm"), agree(views, "has", "have")
        message = FAR.format(names=names, copy=average.copy, have=have, online=average.online, apart=apart)
        columns = {"distance": lambda v: shifts[v.path]}
        what = "distance of the statistics (symmetric Kullback-Leibler)"
        measure = Measure(what, shifts[views[0].path], limit=limit)
        yield together(graph, views, message, CAPTION, columns, evidence=[measure], strength="slight")
