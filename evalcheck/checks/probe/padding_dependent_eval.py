"""More padding changes the outputs of what is no padding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import whereabouts


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    tolerance = options["tolerance"]
    found = trial.dependence.padding(tolerance)
    if found is None or not found.seen.real:
        return
    seen = found.seen
    yield Sighting(
        "probe",
        Place(module=seen.module),
        f"A sample's eval output depends on how far it is padded: {found.columns} more columns, which "
        f"{found.told} marks as padding, change it by {seen.size:.1%}{whereabouts(seen.module)}.",
        evidence=(
            Measure(f"{found.columns} more columns of padding", seen.size, "of the output", tolerance),
        ),
    )
