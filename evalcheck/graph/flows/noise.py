"""Dropout paths that are of one fault, and how the noise gets from the dropout to the norm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evalcheck.finding import Place, Quote, Table
from evalcheck.graph import operations
from evalcheck.graph.flows import flow
from evalcheck.graph.flows.flow import DropoutPath
from evalcheck.graph.listing import ROWS
from evalcheck.graph.model_graph import ModelGraph

STEPS = 6


@dataclass(frozen=True)
class Noise:
    """The paths between the same two lines, however often these were built; or all those that are mixed."""

    graph: ModelGraph
    paths: tuple[DropoutPath, ...]

    @property
    def nearest(self) -> DropoutPath:
        """The path on which most noise arrives, and least happens to it."""
        return min(self.paths, key=lambda path: (-path.ratio, path.merges, len(path.steps)))

    @property
    def places(self) -> tuple[Place, ...]:
        """Both ends of every path, each once, those of the nearest first."""
        paths = (self.nearest, *self.paths)
        return tuple(dict.fromkeys(end for path in paths for end in _ends(self.graph, path)))

    @property
    def way(self) -> str:
        """What lies between, in words."""
        between = [operations.name(step, self.graph.modules) for step in self.nearest.steps]
        more = ", …" if len(between) > STEPS else ""
        return f"through {', '.join(between[:STEPS])}{more}" if between else "directly"

    @property
    def expectation(self) -> str:
        """What the rates predict, in words, and what it rests on."""
        nearest = self.nearest
        text = f"by a factor of about {nearest.ratio:.2f} for zero-mean inputs"
        if nearest.merges:
            text += ", if what the noise is mixed with varies as much"
        if nearest.ratio > flow.ratio(nearest.p) * 1.01:
            text += ", dropouts further up included"
        return text

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """The lines of the nearest path, from the dropout to the norm."""
        start, end = _ends(self.graph, self.nearest)
        steps = (Place(step.meta["span"], step.meta["module"]) for step in self.nearest.steps[:STEPS])
        quotes = (
            Quote(start, f"dropout with rate {self.nearest.p:g}"),
            *(Quote(place, "then") for place in steps),
            Quote(end, "the batch norm that stores the variance"),
        )
        return tuple(quote for quote in quotes if quote.place.span)

    @property
    def table(self) -> Table:
        """Every path, as far as there is room."""
        rows = [
            (str(path.dropout.meta["module"]), path.norm_path, str(len(path.steps)), f"{path.ratio:.2f}")
            for path in sorted(self.paths, key=lambda path: -path.ratio)[:ROWS]
        ]
        headers = ("dropout in", "batch norm", "steps between", "predicted ratio")
        return Table(f"{len(self.paths)} paths", headers, tuple(rows))


def grouped(graph: ModelGraph, paths: Iterable[DropoutPath]) -> list[Noise]:
    """The paths by the lines of their ends; where a line is unknown, by what stands there.

    Paths on which the noise is mixed with other values are one group: along a residual stream every
    dropout reaches every norm behind it, and none of these pairs says more than another.
    """
    groups: dict[object, list[DropoutPath]] = {}
    for path in paths:
        if path.merges:
            groups.setdefault("mixed", []).append(path)
            continue
        dropout, norm = _ends(graph, path)
        start = dropout.span or (path.p, *_kind(graph, dropout))
        groups.setdefault((start, norm.span or _kind(graph, norm)), []).append(path)
    return [Noise(graph, tuple(group)) for group in groups.values()]


def _ends(graph: ModelGraph, path: DropoutPath) -> tuple[Place, Place]:
    return graph.place_of(path.dropout), graph.place(path.norm_path)


def _kind(graph: ModelGraph, place: Place) -> tuple[str, str]:
    """The class of a module and the class of its owner: blocks from one helper have both in common."""
    path = place.module or ""
    views = graph.modules.get(path), graph.modules.get(path.rpartition(".")[0])
    module, owner = (view.class_name if view is not None else "" for view in views)
    return module, owner
