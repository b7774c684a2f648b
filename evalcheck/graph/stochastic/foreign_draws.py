"""Calls in whose own code a forward in eval mode drew from python's or numpy's global generator."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from evalcheck import intent
from evalcheck.finding import Place, Span
from evalcheck.graph import uses
from evalcheck.graph.building import methods
from evalcheck.graph.building.methods import Method
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.recording.callers import located
from evalcheck.graph.stochastic import purpose, wording

_OWNERS = {"random": "Python's", "np.random": "numpy's", "numpy.random": "numpy's"}
_SETTING = frozenset(("seed", "getstate", "setstate", "get_state", "set_state", "Random", "RandomState"))


def met(graph: ModelGraph) -> Iterator[tuple[Place, str, str]]:
    """The line that draws, whose generator it is, and the class; silent where the code asks for the mode.

    Where a value goes is not known: what draws and then asks for the mode may throw the number away.
    """
    trace, told = uses.in_eval(graph), set[Span]()
    for position in trace.foreign:
        call = trace.sequence[position]
        view = graph.modules.get(call.path)
        if view is None or call.training or intent.SAMPLERS.search(call.class_name):
            continue
        for method in methods.of(type(view.module)):
            for span, whose in _drawing(method):
                if span not in told and not _meant(span):
                    told.add(span)
                    yield Place(span, call.path), whose, repr(call.path) if call.path else "The model"


def _drawing(method: Method) -> Iterator[tuple[Span, str]]:
    for node in ast.walk(method.tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        whose = _OWNERS.get(ast.unparse(node.func.value))
        if whose and node.func.attr not in _SETTING and method.name != "__init__":
            end, column = node.end_lineno or node.lineno, node.end_col_offset or 0
            yield located(method.filename, node.lineno, end, node.col_offset, column), whose


def _meant(span: Span) -> bool:
    said = wording.of(span)
    if any("train" in name.lower() or "eval" in name.lower() for name in said.body):
        return True
    return purpose.of_words(said, (), trade=True) in ("declared", "sampling")
