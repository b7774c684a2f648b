"""Dropout1d, 2d and 3d on inputs that lack the dimensions whose values they drop together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import fx

from evalcheck.finding import Place, Quote, Sighting, Strength, Unanswerable
from evalcheck.graph import ModelGraph, Trace, channel_dropout, layout, operations


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per module, or per functional call; made-up inputs make it a hypothesis."""
    trace = graph.train or graph.eval
    if trace is None or not trace.shaped:
        raise Unanswerable(graph.refusals.get("train", "the shapes of the inputs are not known"))
    told: set[tuple[str, str]] = set()
    for node in trace.graph.nodes:
        operation = operations.name(node, graph.modules)
        shape = _shape(node)
        effect = channel_dropout.EFFECTS.get((operation, len(shape))) if shape else None
        key = (str(node.meta["module"]), operation)
        if shape is None or effect is None or key in told or not _material(graph, trace, node, effect[0]):
            continue
        told.add(key)
        yield _sighting(graph, node, operation, shape, *effect)


def _material(graph: ModelGraph, trace: Trace, node: fx.Node, effect: str) -> bool:
    drop, shape = operations.dropout(node, graph.modules), _shape(node) or ()
    if drop is None or drop.p == 0 or drop.p == 1:
        return False
    if effect == channel_dropout.POSITIONS:
        return layout.of(node, graph.modules) == "features last"
    if effect == channel_dropout.SAMPLES:
        # An input without a batch dimension is allowed: then the first dimension is no batch.
        return not trace.batch_size or shape[0] % trace.batch_size == 0
    return True


def _sighting(
    graph: ModelGraph, node: fx.Node, operation: str, shape: tuple[int, ...], effect: str, strength: Strength
) -> Sighting:
    path, called = str(node.meta["module"]), Place(node.meta["span"], str(node.meta["module"]))
    view = graph.modules.get(path)
    module = view is not None and view.kind == "dropout"
    name = f"{view.class_name} {path!r}" if view is not None and module else f"F.{operation}"
    built = graph.place(path)
    quotes = (Quote(built, "the dropout is built here"), Quote(called, "and called here"))
    return Sighting(
        layer="graph",
        place=built if module else called,
        message=f"{name} gets an input of shape {shape} and {effect}.",
        evidence=tuple(q for q in (quotes if module else quotes[1:]) if q.place.span),
        strength="slight" if graph.synthetic else strength,
    )


def _shape(node: fx.Node) -> tuple[int, ...] | None:
    source = node.args[0] if node.args else node.kwargs.get("input")
    shape = source.meta.get("shape") if isinstance(source, fx.Node) else None
    return shape if shape and isinstance(shape[0], int) else None
