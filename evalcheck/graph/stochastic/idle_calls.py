"""Functions that are off unless told that the model trains, in modules that trained."""

from __future__ import annotations

import re

from torch import fx

from evalcheck.graph import operations
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.stochastic import draws, purpose, wording
from evalcheck.graph.stochastic.draws import Draws
from evalcheck.graph.traces import Trace

# Where they take the mode, and what never trains on purpose.
_PLACES = {"alpha_dropout": 2, "feature_alpha_dropout": 2, "rrelu": 3, "batch_norm": 5}
_STILL = re.compile(r"froz|freeze|fixed|infer|eval|fold|export|onnx|static|deploy|test", re.I)


def met(graph: ModelGraph, trace: Trace) -> list[Draws]:
    """Calls of the train forward that say nothing of the mode, by line.

    Demands the source: whoever passes a mode, even a False, has thought of it.
    """
    own = {name for name, _ in graph.model.named_buffers()}
    return draws.together(graph, (node for node in trace.graph.nodes if _is_idle(trace, node, own)))


def _is_idle(trace: Trace, node: fx.Node, own: set[str]) -> bool:
    if operations.told(node) is not False or not trace.sequence:
        return False
    call = trace.sequence[node.meta["at"]]
    if not call.training or _STILL.search(call.class_name) or operations.argument(node, 1, ("p",), 0.5) == 0:
        return False
    if operations.normalises(node, {}) is not None and not _kept(node, own):
        return False
    said = wording.of(node.meta["span"])
    if said.call is None or wording.called(said.call) not in _PLACES or wording.unpacks(said.call):
        return False
    mode = wording.argument(said.call, _PLACES[wording.called(said.call)], "training")
    if mode is not None or any(map(_STILL.search, said.names)):
        return False
    return purpose.of_words(said, ()) != "declared"


def _kept(node: fx.Node, own: set[str]) -> bool:
    """Whether a batch norm was given running statistics of the model's own."""
    mean, _ = operations.running_statistics(node)
    return isinstance(mean, fx.Node) and mean.op == "get_attr" and str(mean.target) in own
