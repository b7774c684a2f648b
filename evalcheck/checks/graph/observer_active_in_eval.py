"""Quantisation observers that record in eval mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting, Strength
from evalcheck.graph import ModelGraph
from evalcheck.graph.listing import agree, counted, together
from evalcheck.graph.state import observers
from evalcheck.graph.state.observers import Observer

SIMULATING = (
    "{names} {record} in eval mode too, since eval() does not stop observers: the ranges that the quantised "
    "model uses are learned from the evaluation data as well, and change with every evaluation."
)
CALIBRATING = (
    "{names} {record} the range of whatever runs through the model: it is prepared for calibration. Each "
    "evaluation before convert() is part of that calibration."
)


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for fake quantisation, where training set the ranges, one for calibration."""
    found = [o for o in observers.recording(graph) if graph.reached(o.view.path, "eval") is not False]
    simulating = [observer for observer in found if observer.simulating]
    calibrating = [observer for observer in found if not observer.simulating]
    if simulating:
        # Nothing seen yet: training has to come first, and may switch the observers off in the end.
        seen = any(observer.seen for observer in simulating)
        yield _sighting(graph, simulating, SIMULATING, "usual" if seen else "slight")
    if calibrating:
        yield _sighting(graph, calibrating, CALIBRATING, "slight")


def _sighting(graph: ModelGraph, found: list[Observer], text: str, strength: Strength) -> Sighting:
    views = [observer.view for observer in found]
    seen = {observer.view.path: observer.seen for observer in found}
    message = text.format(names=counted(views, "observer"), record=agree(views, "records", "record"))
    columns = {"has recorded": lambda v: "yes" if seen[v.path] else "no"}
    return together(graph, views, message, "Observers at work", columns, strength=strength)
