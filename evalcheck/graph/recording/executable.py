"""A recorded forward as a module that can be run again, on other values of the same shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn

from evalcheck.finding import Unanswerable
from evalcheck.graph.recording.frozen_arguments import FOREIGN
from evalcheck.graph.recording.marks import opaque
from evalcheck.graph.traces import Trace


def executable(trace: Trace, model: nn.Module) -> fx.GraphModule:
    """The graph with the model's own parameters and buffers; it returns the forward's tensors as a tuple.

    Inputs are the tensors of the batch in their order. What depended on values or shapes (``if``,
    ``.item()``, ``len``) is fixed as it was for the recorded batch; ``trace.decisions`` are the lines.
    Raises :class:`Unanswerable` where parts are missing: the forward stopped early, went through code
    that cannot be looked into, or was recorded without its constants.
    """
    if not trace.complete:
        raise Unanswerable(f"the forward in {trace.mode} mode stopped early, so that its graph has no end")
    if trace.constants is None:
        raise Unanswerable("the constants were not kept: record with trace(model, batch, executable=True)")
    for node in trace.graph.nodes:
        if node.target is opaque and node.users:
            where = f"in {node.meta['module']!r}" if node.meta["module"] else "in the model's own forward"
            raise Unanswerable(f"the graph has a hole {where}: code that torch functions do not see")
        if foreign := next(_foreign(node.args), None) or next(_foreign(node.kwargs), None):
            raise Unanswerable(f"the graph cannot keep a {foreign.strip('<>')}, which {node.name} was given")
    state: dict[str, Tensor] = dict([*model.named_parameters(), *model.named_buffers()])
    root: dict[str, Any] = {}
    for node in trace.graph.nodes:
        if node.op == "get_attr":
            name = str(node.target)
            if (value := state.get(name, trace.constants.get(name))) is None:
                raise Unanswerable(f"{name} belongs to a module that the model does not own")
            root[name] = value
    graph = fx.Graph()
    graph.output(graph.graph_copy(trace.graph, {}))
    with torch.no_grad():
        return fx.GraphModule(root, graph)


def _foreign(value: Any) -> Iterator[str]:
    if isinstance(value, str) and FOREIGN.fullmatch(value):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _foreign(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _foreign(item)
