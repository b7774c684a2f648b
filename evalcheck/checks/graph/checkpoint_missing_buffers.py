"""Norms of which a checkpoint filled one half of the statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.graph import ModelGraph
from evalcheck.graph.listing import counted, together


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """A mean of exactly 0 beside variances of data, or a variance of exactly 1 beside means of data."""
    views = [
        view
        for view in graph.modules.values()
        if view.half_at_start and graph.reached(view.path, "eval") is not False
    ]
    if views:
        message = (
            f"Of {counted(views, 'norm')} only one half of the running statistics was filled: "
            f"{views[0].half_at_start} is as it was built, and the other is not. In training both move "
            "together, so they come from a checkpoint that did not have it, or under another name. Eval mode "
            "uses both."
        )
        caption = "Statistics that were filled by half"
        columns = {"as it was built": lambda v: v.half_at_start}
        yield together(graph, views, message, caption, columns, strength="grave")
