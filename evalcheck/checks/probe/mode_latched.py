"""A train forward gives something else after an eval forward than before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import percent
from evalcheck.probe.state.snapshots import dotted


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """What train forwards write too is carried by every forward, and is no business of the mode."""
    trained, carried = trial.state.trained, trial.state.carried
    if trained.after_eval <= options["tolerance"]:
        return
    keys = trained.culprits()
    if not keys:
        return
    size = trained.after_eval
    names = [dotted(key) for key in keys]
    rows = carried.first.before.beside(carried.first.between, keys[:8])
    places = [Place(carried.lines.get(key), key[0]) for key in keys]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    yield Sighting(
        "probe",
        places[0],
        f"Only eval mode writes {', '.join(map(repr, names[:3]))}{more}, and train mode reads it: after one "
        f"eval forward the same train forward, with the same random numbers, differs by {percent(size)}.",
        evidence=(
            Measure(
                "difference of a train forward after an eval forward",
                size,
                "of the output",
                options["tolerance"],
            ),
            Table("Written by an eval forward", ("attribute", "before", "after"), rows),
        ),
        others=tuple(places[1:]),
        strength="grave" if size > options["material"] else "usual",
    )
