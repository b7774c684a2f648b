"""Dropouts that a forward in eval mode ran by function, and what their calls say of the mode."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from evalcheck.graph import operations
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.stochastic import draws, purpose, wording
from evalcheck.graph.stochastic.draws import Draws
from evalcheck.graph.stochastic.purpose import Purpose

# ``nothing``: the mode is not passed, or the source cannot be read. ``on``: a literal True.
# ``own``: something else than True, which was true.
Told = Literal["nothing", "on", "own"]


@dataclass(frozen=True)
class OwnDropout:
    """A line with a functional dropout that was active in eval mode; ``p`` is its rate there."""

    drawn: Draws
    name: str
    p: float
    told: Told
    purpose: Purpose


def active(graph: ModelGraph) -> Iterator[OwnDropout]:
    """Those whose noise reaches the output. Inside a module in train mode it is a fault of modes instead."""
    found = [
        node
        for node in draws.awake(graph)
        if node.meta.get("rng") and (drop := operations.dropout(node, graph.modules)) and drop.active
    ]
    for drawn in draws.together(graph, found):
        drop = operations.dropout(drawn.first, graph.modules)
        assert drop is not None
        call = wording.of(drawn.first.meta["span"]).call
        assert graph.eval is not None
        yield OwnDropout(
            drawn,
            getattr(drawn.first.target, "__name__", "dropout"),
            drop.p,
            _told(call),
            purpose.of(graph.eval, drawn.first),
        )


def _told(call: ast.Call | None) -> Told:
    if call is None or "drop" not in wording.called(call).lower():
        return "nothing"
    mode = wording.argument(call, 2, "training", "train")
    if mode is None:
        return "own" if wording.unpacks(call) else "nothing"
    return "on" if isinstance(mode, ast.Constant) and mode.value is True else "own"
