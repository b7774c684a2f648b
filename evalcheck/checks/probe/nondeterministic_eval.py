"""Two eval passes over one batch differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import whereabouts


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    tolerance = options["tolerance"]
    seen = trial.dependence.repetition(tolerance)
    if not seen.real:
        return
    yield Sighting(
        "probe",
        Place(module=seen.module),
        "The same batch gives another output each time in eval mode: "
        f"the outputs differ by {seen.size:.1%}{whereabouts(seen.module)}.",
        evidence=(Measure("difference of two eval passes", seen.size, "of the output", tolerance, trials=2),),
    )
