"""A forward writes the settings of a norm: seen as it ran in both modes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Quote, Sighting, Table
from evalcheck.graph import ModelGraph, settings_written, uses
from evalcheck.graph.listing import ROWS


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for each line that writes, with the values that it writes in both modes."""
    found = settings_written.lasting(graph.writes, graph.model)
    for written in found:
        span, paths = settings_written.line(written), written.modules
        norms = f"{len(paths)} norm{'s' if len(paths) > 1 else ''}"
        built = graph.place(paths[0])
        yield Sighting(
            layer="graph",
            place=Place(span, paths[0]),
            message=(
                f"Forward sets {written.attribute} of {norms} to {written.in_train} in train mode and "
                f"{written.in_eval} in eval mode. eval() by itself keeps the running statistics still and "
                "uses them; in train mode this line decides whether they still follow the data."
            ),
            evidence=(
                *((Quote(built, "the batch norm is built here"),) if built.span else ()),
                Table("Written in forward", ("module",), tuple((path,) for path in paths[:ROWS])),
            ),
            others=tuple(Place(span, other) for other in paths[1:]),
            # A cast of the statistics looks like any other tensor.
            strength="slight" if written.attribute in settings_written.STATISTICS else "usual",
        )
    if not found:
        uses.demand_ended(uses.in_train(graph), graph)
