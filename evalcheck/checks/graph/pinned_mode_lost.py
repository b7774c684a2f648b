"""Modules that were put in eval mode on purpose, and that the next ``model.train()`` wakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting, Strength
from evalcheck.graph import ModelGraph
from evalcheck.graph.listing import agree, counted, together
from evalcheck.graph.state import splits
from evalcheck.graph.state.effects import effect


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for all of them; a train() of the model's own that keeps them is what is asked for."""
    views = splits.pinned(graph)
    if views:
        them = agree(views, "it", "them")
        message = (
            f"{counted(views, 'module')} {agree(views, 'was', 'were')} put in eval mode while the model "
            f"trains, but model.train() wakes {them} again: from the first train() of the training "
            "loop, or after an evaluation, what was frozen is not any more."
        )
        norms = any(view.kind in ("batchnorm", "instancenorm") for view in views)
        strength: Strength = "usual" if norms else "slight"
        caption = "In eval mode as given, in train mode after model.train()"
        columns = {"in train mode it": lambda v: effect(v.module)}
        yield together(graph, views, message, caption, columns, strength=strength)
