"""Functional batch norms that used the batch's own statistics in eval mode."""

from __future__ import annotations

import re

from torch import fx

from evalcheck.graph import operations
from evalcheck.graph.folding.operation_kinds import fed
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.stochastic import draws, wording
from evalcheck.graph.stochastic.draws import Draws
from evalcheck.graph.traces import Trace

_MEANT = re.compile(
    r"instance|adain|adaptive|adapt|meta|maml|transductive|test_?time|tent(?:_|$)|standardi[sz]|style|modulat|"
    r"ghost|precise|recalib|calibrat|estimat",
    re.I,
)


def met(graph: ModelGraph, trace: Trace) -> list[tuple[Draws, bool]]:
    """Those on data that reach the output, by line, with whether the running statistics are the model's.

    Silent on weights, without running statistics (an instance norm, or the business of another rule), where
    samples are folded into the channels, and where names say that the batch at hand is meant.
    """
    data, own = fed(trace.graph), {name for name, _ in graph.model.named_buffers()}
    found: dict[fx.Node, bool] = {}
    for node in draws.awake(graph):
        kept = _by_batch(node, data, own)
        if kept is None or _folded(trace, node, kept) or _meant(trace, node):
            continue
        found[node] = kept
    return [(drawn, found[drawn.first]) for drawn in draws.together(graph, found)]


def _by_batch(node: fx.Node, data: set[fx.Node], own: set[str]) -> bool | None:
    """None where data is not normalised by the batch beside given statistics; else whether these are kept."""
    if not operations.normalises(node, {}):
        return None
    source = operations.argument(node, 0, ("input",), None)
    mean, variance = operations.running_statistics(node)
    if not isinstance(mean, fx.Node) or not isinstance(variance, fx.Node) or source not in data:
        return None
    return all(one.op == "get_attr" and str(one.target) in own for one in (mean, variance))


def _folded(trace: Trace, node: fx.Node, kept: bool) -> bool:
    """Whether each sample is normalised alone; with a single sample that cannot be told."""
    shape = node.meta.get("shape") or ()
    return not kept and shape[:1] == (1,) and trace.batch_size is not None


def _meant(trace: Trace, node: fx.Node) -> bool:
    said = wording.of(node.meta["span"])
    names = [*said.names, *(trace.sequence[node.meta["at"]].class_name,) * bool(trace.sequence)]
    return any(map(_MEANT.search, names))
