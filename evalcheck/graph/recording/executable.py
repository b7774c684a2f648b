"""A recorded forward as a module that can be run again, on other values of the same shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

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
    for blind in trace.blind:
        where = f"in {blind.path!r}" if blind.path else "in the model's own forward"
        raise Unanswerable(f"the graph has a hole {where}: {blind.reason}")
    if any(node.target is opaque and node.users for node in trace.graph.nodes):
        raise Unanswerable("the graph has a hole: a custom function's kernels are not torch functions")
    if trace.context is not None:
        raise Unanswerable(f"a graph does not hold what the forward ran under: {trace.context}")
    for node in trace.graph.nodes:
        if node.target in (torch.autograd.grad, torch.autograd.backward, torch.Tensor.backward):
            raise Unanswerable("the forward computes gradients, which a graph of operations does not hold")
        if foreign := next(_foreign(node.args), None) or next(_foreign(node.kwargs), None):
            raise Unanswerable(f"the graph cannot keep a {foreign.strip('<>')}, which {node.name} was given")
    graph = fx.Graph()
    graph.output(graph.graph_copy(trace.graph, {}))
    root: dict[str, Any] = {}
    state: dict[str, Tensor] = dict([*model.named_parameters(), *model.named_buffers()])
    for node in graph.nodes:
        if node.op == "get_attr":
            # Below a name of their own: a parameter may be called like an attribute of every module.
            value = _tensor(str(node.target), state, trace.constants)
            node.target = f"kept.{node.target}"
            root[node.target] = value
    with torch.no_grad():
        return fx.GraphModule(root, graph)


def _tensor(name: str, state: Mapping[str, Tensor], constants: Mapping[str, Tensor]) -> Tensor:
    value = state.get(name, constants.get(name))
    if value is None:
        raise Unanswerable(f"{name} belongs to a module that the model does not own")
    if isinstance(value, (UninitializedParameter, UninitializedBuffer)):
        raise Unanswerable(f"{name} belongs to a layer that is lazy again: run one batch through it first")
    return value


def _foreign(value: Any) -> Iterator[str]:
    if isinstance(value, str) and FOREIGN.fullmatch(value):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _foreign(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _foreign(item)
