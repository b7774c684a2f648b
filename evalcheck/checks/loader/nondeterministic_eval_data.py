"""Evaluation data that is other data each time it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Evidence, Measure, Place, Sighting, Table
from evalcheck.loader import LoaderView, Repeat

NOUNS = {
    "dataset": "reading the same evaluation samples twice",
    "collate_fn": "collating the same evaluation samples twice",
    "loader": "iterating the evaluation loader twice",
}


def check(view: LoaderView, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """At most one sighting: the share of samples that changed, and what probably changes them."""
    if view.role != "eval" or view.varied_on_purpose:
        return
    repeat = view.repeat()
    tolerance = float(options["tolerance"])
    changes = repeat.differing(tolerance)
    if not changes:
        return
    message = f"{NOUNS[repeat.where]} gives other values: {len(changes)} of {repeat.read} differ"
    if (size := repeat.size(tolerance)) is not None:
        message += f", by {size:.2g} of their own spread"
    reasons = [
        f"{t.label} ({t.path})" for t in view.random_transforms if id(t.subject) in (repeat.used or ())
    ]
    if reasons:
        message += f"; likely because of {' and '.join(reasons)}"
    place = Place(module="dataset" if repeat.where == "loader" else repeat.where)
    yield Sighting("loader", place, f"{message}.", tuple(_evidence(repeat, tolerance)))


def _evidence(repeat: Repeat, tolerance: float) -> Iterator[Evidence]:
    changes = repeat.differing(tolerance)
    yield Measure("samples that differ", len(changes) / repeat.read, limit=0.0, trials=repeat.read)
    if (size := repeat.size(tolerance)) is not None:
        yield Measure("size of the difference", size, "of the spread", limit=tolerance)
    parts = {part or "the sample": 0 for change in changes for part in change.parts}
    for change in changes:
        for part in change.parts:
            parts[part or "the sample"] += 1
    if parts:
        rows = tuple((part, str(count)) for part, count in parts.items())
        yield Table("what differs in a sample", ("part", "samples"), rows)
