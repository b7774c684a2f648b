"""The folded view of a recorded forward: a classic fx graph in which torch's own modules are single nodes."""

from __future__ import annotations

import operator

from torch import fx

from evalcheck.graph.traces import Leaf, Trace


def collapsed(trace: Trace) -> fx.Graph:
    """Calls of torch's modules as ``call_module``, what stands between them as ``call_function``.

    It has the nodes that ``torch.fx.symbolic_trace`` would give, in the order in which they ran.
    The tensors of a call are its positional arguments; where it returned several, each use goes
    through a ``getitem`` of its position among them. To look at, not to run.
    """
    return _Folding(trace).graph


class _Folding:
    def __init__(self, trace: Trace) -> None:
        self.graph = fx.Graph()
        self._trace = trace
        self._new: dict[fx.Node, fx.Node] = {}
        self._inside = _leaf_around(trace)
        waiting = sorted(trace.leaves.values(), key=lambda leaf: (leaf.start, leaf.position))
        for count, node in enumerate(trace.graph.nodes):
            while waiting and waiting[0].start <= count:
                self._call(waiting.pop(0))
            if node.op == "get_attr" or self._inside[node.meta.get("at", 0)] is None or node.op == "output":
                for leaf in waiting if node.op == "output" else ():
                    self._call(leaf)
                self._copy(node)
        for node in reversed(list(self.graph.nodes)):
            if node.op == "get_attr" and not node.users:
                self.graph.erase_node(node)

    def _copy(self, node: fx.Node) -> None:
        if node.op == "output":
            self.graph.output(fx.map_arg(node.args[0], self._new.__getitem__))
        else:
            self._new[node] = self.graph.node_copy(node, self._new.__getitem__)

    def _call(self, leaf: Leaf) -> None:
        call = self._trace.sequence[leaf.position]
        given = tuple(self._new[node] for node in leaf.given if node in self._new)
        node = self.graph.create_node("call_module", call.path, given)
        node.meta.update(
            module=call.path, call=call.index, at=leaf.position, span=call.span, mode=self._trace.mode
        )
        node.meta.update(training=call.training, shape=None, dtype=None)
        # Whatever was made inside is seen from outside as this call.
        for inner in self._trace.graph.nodes:
            if self._inside[inner.meta.get("at", 0)] == leaf.position and inner.op != "get_attr":
                self._new[inner] = node
        for index, made in enumerate(leaf.made):
            if leaf.single:
                self._new[made] = node
                node.meta.update(shape=made.meta["shape"], dtype=made.meta["dtype"])
            else:
                self._new[made] = self.graph.call_function(operator.getitem, (node, index))
                self._new[made].meta.update(made.meta)


def _leaf_around(trace: Trace) -> list[int | None]:
    """For each call the leaf that it is or happens in; None for the user's own modules."""
    around: list[int | None] = []
    for position, call in enumerate(trace.sequence):
        outer = around[call.outer] if call.outer is not None else None
        around.append(outer if outer is not None else position if position in trace.leaves else None)
    return around or [None]
