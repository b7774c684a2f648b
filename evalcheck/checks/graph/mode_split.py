"""Modules that train while the model evaluates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Quote, Sighting, Strength
from evalcheck.graph import ModelGraph, ModuleView
from evalcheck.graph.listing import agree, counted, together
from evalcheck.graph.state import splits
from evalcheck.graph.state.effects import effect

STUCK = (
    "After eval() of the model {names} {are} still in train mode, and no train() of its own explains it: "
    "evaluation runs with what was meant for training only."
)
WOKEN = (
    "{names} {run} in train mode during a forward of the model in eval mode, though eval() had switched "
    "{it}: a hook or a forward sets the mode."
)
GIVEN = (
    "The model was given in eval mode, but {names} {are} in train mode. Used as it is, the model evaluates "
    "with what was meant for training only. evalcheck called eval() on the whole model before it ran it, "
    "so nothing else that it reports comes from this."
)


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """After the model's eval(), while a forward runs, and as the model was given; each module once."""
    found = splits.of(graph)
    if found.stuck:
        yield _sighting(graph, found.stuck, STUCK, "grave")
    if found.woken:
        yield _sighting(graph, found.woken, WOKEN, _mild(found.woken))
    if found.given:
        yield _sighting(graph, found.given, GIVEN, _mild(found.given))


def _mild(views: list[ModuleView]) -> Strength:
    """Dropout alone may be kept on to sample predictions."""
    return "usual" if any(view.kind in ("batchnorm", "instancenorm") for view in views) else "slight"


def _sighting(graph: ModelGraph, views: list[ModuleView], text: str, strength: Strength) -> Sighting:
    run, it = agree(views, "runs", "run"), agree(views, "it", "them")
    message = text.format(names=counted(views, "module"), are=agree(views, "is", "are"), run=run, it=it)
    calls = graph.eval.calls(views[0].path)[:1] if graph.eval is not None else []
    quotes = [Quote(Place(call.span, call.path), "called here") for call in calls if call.span]
    columns = {"in train mode it": lambda v: effect(v.module)}
    return together(graph, views, message, "In train mode", columns, evidence=quotes, strength=strength)
