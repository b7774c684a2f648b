"""Two eval passes over one batch differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import Difference, percent, whereabouts


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    tolerance = options["tolerance"]
    seen = trial.dependence.repetition(tolerance)
    if not seen.real:
        return
    measures = [Measure("difference of two eval passes", seen.size, "of the output", tolerance, trials=2)]
    told = "The same batch gives another output each time in eval mode"
    if seen.differing:
        get = "gets" if seen.differing == 1 else "get"
        told = (
            f"{seen.differing} of {seen.samples} samples {get} another output in a second eval pass: all "
            f"outputs together differ by {_by(seen)}"
        )
        measures.append(Measure("samples that differ", seen.differing, f"of {seen.samples}"))
    yield Sighting(
        "probe", Place(module=seen.module), f"{told}{whereabouts(seen.module)}.", evidence=tuple(measures)
    )


def _by(seen: Difference) -> str:
    return f"{seen.size:.1%}" if seen.size >= 1e-3 else percent(seen.size)
