"""The calls of one forward as a tree: modules in modules, and the operations of their own forwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import fx

from evalcheck.graph.folding import symbolic_calls
from evalcheck.graph.folding.operation_kinds import counting, label
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.traces import Call, Shape, Trace

OPERATIONS = ("call_function", "call_method", "call_module")


@dataclass(eq=False)
class Knot:
    """A module call with what happened in it, or one operation (``node`` alone) of its forward.

    ``start`` and ``end`` are positions in the trace's graph. A call that left no operation behind, as
    one of ``nn.Identity`` does, is ``empty``, and stands right after what was before it.
    """

    call: Call | None = None
    node: fx.Node | None = None
    parent: Knot | None = None
    own: list[fx.Node] = field(default_factory=list)
    children: list[Knot] = field(default_factory=list)
    start: float = -1
    end: float = -1
    empty: bool = False

    @property
    def path(self) -> str:
        if self.call is not None:
            return self.call.path
        return self.parent.path if self.parent else ""


@dataclass(frozen=True)
class CallTree:
    """The outermost calls, and for each node of the graph the innermost knot that it belongs to."""

    trace: Trace
    roots: list[Knot]
    owners: dict[fx.Node, Knot]
    positions: dict[fx.Node, int]

    def outputs(self, knot: Knot) -> tuple[Shape, ...]:
        """The shapes of what the call returned, in that order, where that was seen: of the model and of
        torch's own modules. Else of what leaves it, in the order it was made; of what it made last if
        nothing does."""
        if told := self._returned(knot):
            return told
        made = self._made.get(id(knot), [])
        positions = self.positions
        used = [n for n in made if any(not knot.start <= positions[u] <= knot.end for u in n.users)]
        return tuple(shape for node in (used or made[-1:]) for shape in shapes(node))

    def _returned(self, knot: Knot) -> tuple[Shape, ...]:
        if knot.call is None or knot.empty:
            return ()
        leaf = self.trace.leaves.get(self._places.get((knot.call.path, knot.call.index), -1))
        if leaf is not None:
            return listed(leaf.made)
        return listed(returned(self.trace.graph)) if self.roots == [knot] else ()

    @cached_property
    def _places(self) -> dict[tuple[str, int], int]:
        return {(call.path, call.index): place for place, call in enumerate(self.trace.sequence)}

    @cached_property
    def _made(self) -> dict[int, list[fx.Node]]:
        nodes: dict[int, list[fx.Node]] = {}
        for node, owner in self.owners.items():
            knot: Knot | None = owner
            while knot is not None:
                nodes.setdefault(id(knot), []).append(node)
                knot = knot.parent
        return nodes


def shapes(node: fx.Node) -> tuple[Shape, ...]:
    """The shapes of what a node made, as a flat tuple; none where nothing was run."""
    shape = node.meta.get("shape")
    if shape is None:
        return ()
    return tuple(shape) if shape and isinstance(shape[0], tuple) else (tuple(shape),)


def returned(graph: fx.Graph) -> list[fx.Node]:
    """What the model returned, in order; a tensor that it returned twice is there twice."""
    found: list[fx.Node] = []
    for node in graph.nodes:
        if node.op == "output":
            fx.map_arg(node.args, found.append)
    return found


def listed(nodes: Iterable[fx.Node]) -> tuple[Shape, ...]:
    """The shapes of all of them; a node that stands for several tensors counts once."""
    every = list(nodes)
    several = {node for node in every if len(shapes(node)) > 1}
    kept = [n for at, n in enumerate(every) if n not in several or n not in every[:at]]
    return tuple(shape for node in kept for shape in shapes(node))


def read(trace: Trace, modules: Mapping[str, ModuleView]) -> CallTree:
    """The tree of a trace, recorded or symbolic."""
    sequence, places = trace.sequence, symbolic_calls.recorded(trace)
    if not trace.shaped:
        sequence, places = symbolic_calls.read(trace, modules)
    roots, by_call = _nested(sequence)
    counts = counting(trace.graph)
    owners: dict[fx.Node, Knot] = {}
    for position, node in enumerate(trace.graph.nodes):
        knot = by_call.get(places.get(node, ("", -1)))
        if node.op not in OPERATIONS or knot is None or node in counts:
            continue
        knot.own.append(node)
        owners[node] = knot
        _stretch(knot, position)
    positions = {node: index for index, node in enumerate(trace.graph.nodes)}
    for root in roots:
        _unfold(root, modules, owners, positions)
    return CallTree(trace, roots, owners, positions)


def _nested(sequence: tuple[Call, ...]) -> tuple[list[Knot], dict[tuple[str, int], Knot]]:
    """Calls are noted when they begin, with the path of the one they are made in: enough for a tree."""
    roots: list[Knot] = []
    stack: list[Knot] = []
    by_call: dict[tuple[str, int], Knot] = {}
    for call in sequence:
        while stack and stack[-1].path != call.parent:
            stack.pop()
        knot = Knot(call, parent=stack[-1] if stack else None)
        (stack[-1].children if stack else roots).append(knot)
        stack.append(knot)
        by_call[call.path, call.index] = knot
    return roots, by_call


def _stretch(knot: Knot | None, position: int) -> None:
    while knot is not None:
        knot.start = position if knot.start < 0 else min(knot.start, position)
        knot.end = max(knot.end, position)
        knot = knot.parent


def _unfold(
    knot: Knot, modules: Mapping[str, ModuleView], owners: dict[fx.Node, Knot], positions: dict[fx.Node, int]
) -> None:
    """Operations of a forward become children between the calls; those of torch's own leaves do not."""
    last = knot.start
    for child in knot.children:
        if child.start < 0:
            child.empty, child.start, child.end = True, last, last
        last = child.end
        _unfold(child, modules, owners, positions)
    if not knot.children and (knot.parent is not None and _is_native(knot, modules)):
        return
    hidden = [child for child in knot.children if child.empty and _is_scripted(child, modules)]
    for node in knot.own:
        if label(node) == "opaque" and hidden:
            # What a scripted module made is noted after its call has ended.
            inner = hidden.pop(0)
            inner.empty, inner.start, inner.end = False, positions[node], positions[node]
            owners[node] = inner
            continue
        operation = Knot(node=node, parent=knot, start=positions[node], end=positions[node])
        owners[node] = operation
        knot.children.append(operation)
    knot.children.sort(key=lambda child: child.start)


def _is_scripted(knot: Knot, modules: Mapping[str, ModuleView]) -> bool:
    view = modules.get(knot.path)
    return view is not None and isinstance(view.module, torch.jit.ScriptModule)


def _is_native(knot: Knot, modules: Mapping[str, ModuleView]) -> bool:
    view = modules.get(knot.path)
    if view is None:
        return False
    return type(view.module).__module__.startswith("torch.") or view.kind != "other"
