"""Many modules with one fault, as one table that is short enough to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from evalcheck.finding import Evidence, Quote, Sighting, Strength, Table
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView

ROWS = 12


def listed(
    graph: ModelGraph,
    views: Sequence[ModuleView],
    caption: str,
    columns: Mapping[str, Callable[[ModuleView], object]],
) -> Table:
    """One row per module: name, class, the line that built it, and ``columns``; the rest is counted."""
    headers = ("module", "class", "built at", *columns)
    rows = [
        (view.path, view.class_name, _line(graph, view.path), *(_text(of(view)) for of in columns.values()))
        for view in views[:ROWS]
    ]
    if len(views) > ROWS:
        rows.append((f"and {len(views) - ROWS} more", *("" for _ in headers[1:])))
    return Table(caption, headers, tuple(rows))


def together(
    graph: ModelGraph,
    views: Sequence[ModuleView],
    message: str,
    caption: str,
    columns: Mapping[str, Callable[[ModuleView], object]],
    *,
    evidence: Sequence[Evidence] = (),
    strength: Strength = "usual",
) -> Sighting:
    """One sighting of all the modules: the first is its place; ``evidence`` stands before the table."""
    places = [graph.place(view.path) for view in views]
    built = [Quote(place, "built here") for place in places[:1] if place.span]
    table = listed(graph, views, caption, columns)
    return Sighting(
        "graph", places[0], message, (*built, *evidence, table), tuple(places[1:]), strength=strength
    )


def counted(views: Sequence[ModuleView], noun: str) -> str:
    """``the batch norm 'bn1'`` or ``53 batch norms ('bn1' is the first)``."""
    first = views[0].path or views[0].class_name
    if len(views) == 1:
        return f"the {noun} {first!r}"
    return f"{len(views)} {noun}s ({first!r} is the first)"


def agree(views: Sequence[ModuleView], one: str, many: str) -> str:
    """The verb that goes with :func:`counted`."""
    return one if len(views) == 1 else many


def _line(graph: ModelGraph, path: str) -> str:
    span = graph.built(path)
    return f"{span.path.rpartition('/')[2]}:{span.line}" if span else ""


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "" if value is None else str(value)
