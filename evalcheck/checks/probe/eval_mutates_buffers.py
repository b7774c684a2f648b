"""An eval forward writes buffers, and the next eval forward gives something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalcheck.finding import Measure, Sighting, Strength, Table
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import percent
from evalcheck.probe.state.carried import Carried
from evalcheck.probe.state.snapshots import Key, dotted


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for the buffers that change outputs, else one, cleared, for those that keep moving."""
    state, carried = trial.state, trial.state.carried
    if not state.buffers:
        return
    size = carried.effect(state.buffers) if carried.size else 0.0
    if size > options["tolerance"]:
        keys = [key for key, _ in carried.culprits(state.buffers)]
        told = f"and the next eval output differs by {percent(size)} because of it"
        measure = Measure("difference that the buffers make", size, "of the output", options["tolerance"])
        strength: Strength = "usual" if size > options["material"] else "slight"
        yield _sighting(carried, keys, told, strength, measure)
    elif state.drifting:
        yield _sighting(carried, state.drifting, "which changes no output on these batches", "cleared")


def _sighting(
    carried: Carried, keys: Sequence[Key], told: str, strength: Strength, *measures: Measure
) -> Sighting:
    names = ", ".join(repr(dotted(key)) for key in keys[:3])
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    place, *others = carried.places(keys)
    rows = carried.first.before.beside(carried.left, keys[:8])
    return Sighting(
        "probe",
        place,
        f"A forward in eval mode changes the buffer{'s' if len(keys) > 1 else ''} {names}{more}, {told}.",
        evidence=(
            *measures,
            Table("Buffers before and after one eval forward", ("buffer", "before", "after"), rows),
        ),
        others=tuple(others),
        strength=strength,
    )
