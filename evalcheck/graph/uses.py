"""How the recorded forwards use a module: whether, how often, and with what."""

from __future__ import annotations

from collections import Counter

from evalcheck.finding import Unanswerable
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.traces import Call, Trace


def in_train(graph: ModelGraph) -> Trace:
    """The forward in train mode; unanswerable where there was none."""
    if graph.train is None:
        raise Unanswerable(f"no forward in train mode: {graph.refusals.get('train', 'not run')}")
    return graph.train


def in_eval(graph: ModelGraph) -> Trace:
    """The forward in eval mode as it was run; unanswerable where nothing was run."""
    if graph.eval is None or not graph.eval.shaped:
        raise Unanswerable(f"no forward in eval mode: {graph.refusals.get('eval', 'nothing was run')}")
    return graph.eval


def demand_ended(trace: Trace, graph: ModelGraph) -> None:
    """Unanswerable where the forward stopped early: what was not met may only not be reached yet."""
    if not trace.complete:
        reason = graph.refusals.get(trace.mode, "too long")
        raise Unanswerable(f"the forward in {trace.mode} mode stopped early: {reason}")


def demand_whole(trace: Trace, graph: ModelGraph) -> None:
    """Unanswerable where the forward stopped early or went out of sight: what was not met may be there."""
    demand_ended(trace, graph)
    for blind in trace.blind:
        where = f"at {blind.path!r}" if blind.path else "in the model's own forward"
        raise Unanswerable(f"the graph has a hole {where}: {blind.reason}")


def demand_trained(graph: ModelGraph) -> None:
    """Unanswerable for a model whose statistics are at their start because everything is."""
    # Without running statistics there is nothing to ask, and so no gap.
    if graph.fresh and any(view.statistics is not None for view in graph.modules.values()):
        raise Unanswerable("the model is freshly initialised: nothing was trained or loaded")


def updating(graph: ModelGraph, view: ModuleView) -> list[Call]:
    """Calls that normalise by the batch and move running statistics, of the forward with the most of them."""
    if graph.train is None or view.statistics is None or not view.tracks:
        return []
    calls = [call for call in graph.train.calls(view.path) if call.training]
    roots = Counter(call.root for call in calls).most_common(1)
    return [call for call in calls if call.root == roots[0][0]]


def folded(graph: ModelGraph, view: ModuleView) -> bool:
    """Used as an instance norm: samples are folded into the channels, and each is normalised alone."""
    if graph.eval is None or not (whole := graph.eval.batch_size):
        return False
    shapes = [call.shapes[0] for call in graph.eval.calls(view.path) if call.shapes and call.shapes[0]]
    return whole > 1 and bool(shapes) and all(shape[0] == 1 for shape in shapes)


def called(graph: ModelGraph, path: str) -> bool:
    """Whether any forward ran the module or what is inside it; also where no forward could be run."""
    traces = [trace for trace in (graph.train, graph.eval) if trace is not None]
    return not traces or any(trace.calls_below(path) for trace in traces)
