"""A second eval call differs from the first by what the first left on an attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import percent
from evalcheck.probe.state.snapshots import dotted


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Buffers are the business of eval-mutates-buffers, unless nothing else explains it."""
    state, carried = trial.state, trial.state.carried
    if carried.size <= options["tolerance"]:
        return
    size = carried.effect(state.attributes)
    traced = size > options["tolerance"]
    if not traced:
        if carried.effect([*state.buffers, *(k for o in state.observing for k in o.keys)]):
            return
        # What makes the difference could not be laid back by itself: all that changed is told.
        size = carried.size
        found = [(key, 0.0) for key in carried.suspects]
    else:
        found = carried.culprits(state.attributes)
    (path, name), _ = found[0] if found else (("", ""), 0.0)
    rows = carried.first.before.beside(carried.left, [key for key, _ in found[:8]])
    what = "again" if carried.again > options["tolerance"] else "after another batch"
    resetter = next((r for key, _ in found if (r := carried.resetter(key))), None)
    kept = f"what the first left in {dotted((path, name))!r}"
    if not traced:
        kept = "what the first left on the model, which could not be traced to one attribute"
    advice = f"; {resetter}() resets it, and must be called before every batch" if resetter else ""
    yield Sighting(
        "probe",
        Place(carried.lines.get((path, name)), path),
        f"The same batch, run {what} in eval mode, gives an output that differs by {percent(size)}, because "
        f"of {kept}{advice}.",
        evidence=(
            Measure(
                "difference of the second eval call", size, "of the output", options["tolerance"], trials=2
            ),
            *((Table("Left by an eval forward", ("attribute", "before", "after"), rows),) if rows else ()),
        ),
        # State that somebody resets is wanted; whether it is reset is not seen here.
        strength="slight" if resetter else "usual",
    )
