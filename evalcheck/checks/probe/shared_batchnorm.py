"""One norm serves calls whose inputs have different statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table
from evalcheck.measurement import LayerReading, of
from evalcheck.probe import Trial

VARIANCE = "the output's variance"


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    trial.require_data()
    if not trial.has_norms:
        return
    readings = [reading for reading in trial.layers if reading.calls > 1]
    differing = [reading for reading in readings if reading.between > options["between"]]
    if not differing:
        if readings:
            yield _sighting(
                readings, "the calls' inputs have the same statistics on these batches", "cleared"
            )
        return
    if trial.fresh:
        yield _sighting(
            differing, "their inputs differ; the weights are fresh, so the harm is unknown", "usual"
        )
        return
    step = trial.step("shared")
    size = step.size(trial.unit) if step else 0.0
    if size <= options["output"]:
        yield _sighting(differing, f"no effect on these batches ({of(size, VARIANCE)})", "cleared")
        return
    measure = Measure("shift of the eval output", size, "of the output's variance", options["output"])
    told = "the inputs differ from call to call, and one set of statistics fits none of them"
    yield _sighting(differing, told, "grave" if size > options["large"] else "usual", measure)


def _sighting(readings: list[LayerReading], told: str, strength: Any, *measures: Measure) -> Sighting:
    names = ", ".join(repr(reading.module) for reading in readings[:3])
    more = f" and {len(readings) - 3} more" if len(readings) > 3 else ""
    calls = readings[0].calls
    verb = "normalises" if len(readings) == 1 else "each normalise"
    rows = tuple((r.module, str(r.calls), f"{r.between:.3g}", f"{r.root:.3g}") for r in readings[:8])
    headers = ("module", "calls", "between calls (KL)", "worst call against running (KL)")
    return Sighting(
        "probe",
        Place(module=readings[0].module),
        f"{names}{more} {verb} {calls} calls per forward: {told}.",
        evidence=(*measures, Table("Statistics of the calls", headers, rows)),
        others=tuple(Place(module=reading.module) for reading in readings[1:]),
        strength=strength,
    )
