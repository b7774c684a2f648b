"""Batch norms that learn no scale and shift any more, and whose statistics still move in train mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting, Strength
from evalcheck.graph import ModelGraph, ModuleView
from evalcheck.graph.listing import agree, counted, together
from evalcheck.graph.state import settings

MESSAGE = (
    "Scale and shift of {names} are frozen, but after model.train() {they} by the batch and {move} running "
    "statistics: the part that was to stay as it is drifts, and eval mode uses what it has drifted to."
)


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for norms of frozen parts, one for norms that alone do not learn."""
    found = settings.frozen_moving(graph)
    lone = [view for view in found if settings.alone(graph, view)]
    frozen = [view for view in found if view not in lone]
    kinds: list[tuple[list[ModuleView], Strength]] = [(frozen, "usual"), (lone, "slight")]
    for views, strength in kinds:
        if views:
            message = MESSAGE.format(
                names=counted(views, "batch norm"),
                they=agree(views, "it normalises", "they normalise"),
                move=agree(views, "moves its", "move their"),
            )
            caption = "Frozen norms whose statistics move"
            columns = {"momentum": lambda v: v.momentum}
            yield together(graph, views, message, caption, columns, strength=strength)
