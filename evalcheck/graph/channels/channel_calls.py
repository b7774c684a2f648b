"""Calls of a channel-wise dropout whose input lacks the dimensions that it takes for granted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import fx

from evalcheck.finding import Strength
from evalcheck.graph import operations
from evalcheck.graph.channels import channel_dropout, layout
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.traces import Trace


@dataclass(frozen=True, slots=True)
class ChannelCall:
    """A call, the shape that it was given, and what torch then does (``channel_dropout``)."""

    node: fx.Node
    operation: str
    shape: tuple[int, ...]
    effect: str
    strength: Strength

    @property
    def path(self) -> str:
        """The innermost module around the call: the dropout itself, unless a function was called."""
        return str(self.node.meta["module"])


def misfits(graph: ModelGraph, trace: Trace) -> Iterator[ChannelCall]:
    """One for each module, or for each function that a module calls."""
    told: set[tuple[str, str]] = set()
    for node in trace.graph.nodes:
        operation, shape = operations.name(node, graph.modules), _shape(node)
        known = channel_dropout.EFFECTS.get((operation, len(shape))) if shape else None
        if shape is None or known is None:
            continue
        call = ChannelCall(node, operation, shape, *known)
        if (call.path, operation) not in told and _happens(graph, trace, call):
            told.add((call.path, operation))
            yield call


def _happens(graph: ModelGraph, trace: Trace, call: ChannelCall) -> bool:
    drop = operations.dropout(call.node, graph.modules)
    if drop is None or drop.p == 0 or drop.p == 1:
        return False
    if call.effect == channel_dropout.POSITIONS:
        return layout.of(call.node, graph.modules) == "features last"
    if call.effect == channel_dropout.SAMPLES:
        # An input without a batch dimension is allowed: then the first dimension is no batch.
        return not trace.batch_size or call.shape[0] % trace.batch_size == 0
    return True


def _shape(node: fx.Node) -> tuple[int, ...] | None:
    source = node.args[0] if node.args else node.kwargs.get("input")
    shape = source.meta.get("shape") if isinstance(source, fx.Node) else None
    return shape if shape and isinstance(shape[0], int) else None
