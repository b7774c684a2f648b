"""Under bfloat16 autocast the eval output is another one, or not finite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting
from evalcheck.probe import Trial
from evalcheck.probe.dependence.autocast import Halved


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    trial.require_training()
    halved = trial.dependence.autocast(options["tolerance"], options["rounding"])
    if not halved.seen.real:
        return
    module = halved.seen.module
    named = f" module {module!r}" if module else " the model's own forward"
    if not halved.finite:
        where = f"; the first value is lost in{named}" if module is not None else ""
        told = f"Under bfloat16 autocast the eval output is not finite{where}."
    else:
        where = f"; they part in{named}" if module is not None else ""
        told = (
            f"Under bfloat16 autocast the eval output differs by {halved.spread:.0%} of its spread over "
            f"samples{where}."
        )
    yield Sighting(
        "probe",
        Place(module=module),
        told,
        evidence=tuple(_measures(halved, options)) if halved.finite else (),
    )


def _measures(halved: Halved, options: Mapping[str, Any]) -> Iterator[Measure]:
    what = "bfloat16 autocast against float32"
    yield Measure(what, halved.spread, "of the spread over samples", options["tolerance"])
    yield Measure(what, halved.seen.size, "of the output", options["rounding"])
