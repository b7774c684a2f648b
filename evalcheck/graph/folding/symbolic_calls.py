"""The calls that a symbolic trace only implies: fx notes on each node the modules it was met in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from torch import fx

from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.traces import Call, Trace

Places = dict[fx.Node, tuple[str, int]]


def recorded(trace: Trace) -> Places:
    """For each node of a recorded trace the path and number of its innermost call."""
    return {node: (node.meta.get("module", ""), node.meta.get("call", 0)) for node in trace.graph.nodes}


def read(trace: Trace, modules: Mapping[str, ModuleView]) -> tuple[tuple[Call, ...], Places]:
    """Every call in order, containers too, and for each node the innermost one.

    The keys of ``nn_module_stack`` tell one call of a module from the next.
    """
    calls: dict[str, Call] = {"": _call("", None, 0, modules, trace)}
    counts: Counter[str] = Counter()
    places: Places = {}
    for node in trace.graph.nodes:
        inner = calls[""]
        for key, (path, _) in (node.meta.get("nn_module_stack") or {}).items():
            if key not in calls:
                calls[key] = _call(path, inner.path, counts[path], modules, trace)
                counts[path] += 1
            inner = calls[key]
        places[node] = (inner.path, inner.index)
    return tuple(calls.values()), places


def _call(path: str, parent: str | None, index: int, modules: Mapping[str, ModuleView], trace: Trace) -> Call:
    view = modules.get(path)
    known = next(iter(trace.calls(path)), None)
    return Call(
        path=path,
        class_name=view.class_name if view else "",
        index=index,
        root=0,
        parent=parent,
        training=known.training if known else trace.mode == "train",
        shapes=(),
        p=view.p if view else None,
    )
