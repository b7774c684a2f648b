"""Observers whose ranges one evaluation batch moves, and what the moved ranges do to the next output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import percent
from evalcheck.probe.state.frozen import shown
from evalcheck.probe.state.observing import Observing
from evalcheck.probe.state.state import State


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for fake quantisation, where training set the ranges, one for calibration."""
    trial.require_data()
    state = trial.state
    simulating = [o for o in state.observing if o.observer.simulating]
    calibrating = [o for o in state.observing if not o.observer.simulating]
    if simulating:
        size = state.carried.effect([key for o in simulating for key in o.keys])
        seen = any(o.observer.seen for o in simulating)
        told = (
            f"the same batch then gives an output that differs by {percent(size)}"
            if size > options["tolerance"]
            else "the output of these batches stays the same"
        )
        measure = Measure(
            "difference that the moved ranges make", size, "of the output", options["tolerance"]
        )
        yield _sighting(state, simulating, told, "usual" if seen else "slight", measure)
    if calibrating:
        told = "the model is prepared for calibration, of which this evaluation becomes a part"
        yield _sighting(state, calibrating, told, "slight")


def _sighting(state: State, found: list[Observing], told: str, strength: Any, *measures: Measure) -> Sighting:
    before, after = state.carried.first.before, state.carried.left
    rows = []
    for one in found[:8]:
        ends = [(before.get(k), after.get(k)) for k in (one.lowest, one.highest) if k is not None]
        rows.append((one.path, *(" to ".join(shown(end[i]) for end in ends) for i in (0, 1))))
    verb = (
        f"moves the ranges of {len(found)} observers"
        if len(found) > 1
        else f"moves the range of observer {found[0].path!r}"
    )
    return Sighting(
        "probe",
        Place(module=found[0].path),
        f"One evaluation batch {verb}; {told}.",
        evidence=(
            *measures,
            Table("Ranges that eval mode moves", ("module", "before", "after"), tuple(rows)),
        ),
        others=tuple(Place(module=one.path) for one in found[1:]),
        strength=strength,
    )
