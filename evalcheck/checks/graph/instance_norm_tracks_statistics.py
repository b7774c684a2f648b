"""Instance norms that were built to keep running statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.graph import ModelGraph
from evalcheck.graph.listing import agree, counted, together


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for all of them that a forward in eval mode may run."""
    views = [
        view
        for view in graph.modules.values()
        if view.kind == "instancenorm"
        and view.statistics is not None
        and view.tracks
        and graph.reached(view.path, "eval") is not False
    ]
    if views:
        message = (
            f"{counted(views, 'instance norm')} {agree(views, 'keeps', 'keep')} running statistics: train "
            "mode normalises each sample by itself, eval mode all of them by one average: a function that "
            "training has never seen."
        )
        columns = {"batches seen": lambda v: v.batches}
        yield together(graph, views, message, "Instance norms with statistics", columns)
