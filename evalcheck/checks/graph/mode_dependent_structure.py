"""Modules that one mode runs and the other does not, and outputs of another make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Evidence, Place, Quote, Sighting, Table
from evalcheck.graph import ModelGraph, uses
from evalcheck.graph.difference.one_mode import Difference, Failure, between, failure
from evalcheck.graph.listing import ROWS


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One note for the model, with what differs."""
    if (failed := failure(graph)) is not None:
        yield _failed(failed)
        return
    train, evaluated = uses.in_train(graph), uses.in_eval(graph)
    uses.demand_ended(train, graph)
    uses.demand_ended(evaluated, graph)
    difference = between(graph)
    if difference is None:
        return
    calls = list(difference.calls(graph))
    rows = [(path, mode, _line(place)) for path, mode, place in calls[:ROWS]]
    evidence: list[Evidence] = [
        Quote(place, f"runs in {mode} mode only") for _, mode, place in calls[:2] if place.span
    ]
    if rows:
        evidence.append(Table("Run in one mode only", ("module", "mode", "called at"), tuple(rows)))
    paths = [*difference.train_only, *difference.eval_only]
    yield Sighting(
        layer="graph",
        place=graph.place(paths[0]) if paths else Place(module=""),
        message=_message(difference),
        evidence=tuple(evidence),
        others=tuple(graph.place(path) for path in paths[1:]),
    )


def _failed(failed: Failure) -> Sighting:
    other = "train" if failed.mode == "eval" else "eval"
    message = f"The forward runs in {other} mode and fails in {failed.mode} mode: {failed.reason}"
    # A train mode that wants targets or more samples is usual; without eval mode there is no use.
    return Sighting("graph", failed.place, message, strength="grave" if failed.mode == "eval" else "usual")


def _message(difference: Difference) -> str:
    parts = [f"{mode} mode alone runs {names}" for mode, names in difference.told()]
    if difference.outputs:
        train, evaluated = difference.outputs
        parts.append(f"train mode returns {train}, eval mode {evaluated}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}. A comparison of the modes compares different things there."


def _line(place: Place) -> str:
    return f"{place.span.path.rpartition('/')[2]}:{place.span.line}" if place.span else ""
