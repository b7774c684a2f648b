"""What a forward in eval mode drew at random, as far as it reaches the output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import fx

from evalcheck.finding import Place, Quote
from evalcheck.graph import operations, uses
from evalcheck.graph.folding.operation_kinds import idle
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.stochastic import purpose
from evalcheck.graph.traces import Trace


@dataclass(frozen=True)
class Draws:
    """Operations of one line: once for every module that runs it, however often."""

    graph: ModelGraph
    nodes: tuple[fx.Node, ...]

    @property
    def first(self) -> fx.Node:
        return self.nodes[0]

    @property
    def places(self) -> tuple[Place, ...]:
        """The line with every module that runs it."""
        return tuple(dict.fromkeys(Place(n.meta["span"], str(n.meta["module"])) for n in self.nodes))

    @property
    def where(self) -> str:
        """``in 'blocks.0.attn' and 11 more modules``; empty for the model's own forward."""
        first, *more = self.places
        if not more:
            return f" in {first.module!r}" if first.module else ""
        name = repr(first.module) if first.module else "the model"
        return f" in {name} and {len(more)} more module{'s' if len(more) > 1 else ''}"

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """The line that draws, and the one that built the first module that runs it."""
        built = self.graph.place(self.places[0].module or "")
        quotes = Quote(self.places[0], "drawn here"), Quote(built, "the module was built here")
        return tuple(quote for quote in quotes if quote.place.span)


def awake(graph: ModelGraph) -> Iterator[fx.Node]:
    """Operations of the eval forward that belong to no module in train mode, and reach the output.

    What a module does that is still in train mode is a fault of modes. Raises ``Unanswerable`` where
    there was no forward in eval mode.
    """
    trace = uses.in_eval(graph)
    beside = silent(trace) | _by_the_caller(trace)
    for node in trace.graph.nodes:
        if node.op == "call_function" and node not in beside and not in_training(trace, node):
            yield node


def together(graph: ModelGraph, nodes: Iterable[fx.Node]) -> list[Draws]:
    """The nodes by their lines and operations; where a line is unknown, by the class of their module."""
    groups: dict[object, list[fx.Node]] = {}
    for node in nodes:
        view = graph.modules.get(str(node.meta["module"]))
        place = node.meta["span"] or (view.class_name if view is not None else node.meta["module"])
        groups.setdefault((place, operations.name(node, graph.modules)), []).append(node)
    return [Draws(graph, tuple(group)) for group in groups.values()]


def silent(trace: Trace) -> set[fx.Node]:
    """Nodes of which nothing comes out of the model: unused, or multiplied by a plain zero."""
    lost = idle(trace.graph)
    for node in reversed(trace.graph.nodes):
        if node.op != "output" and all(user in lost or _muted(user, node) for user in node.users):
            lost.add(node)
    return lost


def _muted(user: fx.Node, node: fx.Node) -> bool:
    """Whether a use of the node is a product with zero: ``self.training * noise``."""
    if operations.unprefixed(user) not in ("mul", "multiply"):
        return False
    return any(a is not node and isinstance(a, (bool, int, float)) and a == 0 for a in user.args)


def _by_the_caller(trace: Trace) -> set[fx.Node]:
    """What whoever runs the model did before it, such as drawing the input of a generator.

    It stands before the inputs that come from outside; where all were made, what no module did.
    """
    nodes = list(trace.graph.nodes)
    first = next((count for count, node in enumerate(nodes) if node.op == "placeholder"), None)
    if first is not None:
        return set(nodes[:first])
    made = bool(trace.sequence and trace.sequence[0].shapes)
    return {node for node in nodes if made and not node.meta.get("module")}


def in_training(trace: Trace, node: fx.Node) -> bool:
    """Whether the innermost module around the node is in train mode."""
    calls = purpose.outward(trace, node)
    return bool(calls) and calls[0].training
