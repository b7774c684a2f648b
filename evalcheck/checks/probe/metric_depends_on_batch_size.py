"""The mean of a metric over batches is not the metric of all samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table
from evalcheck.probe import Trial


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    if trial.run.metric is None:
        return
    trial.require_training()
    curve = trial.scaling.curve
    if curve is None or not (curve.change > options["change"] and curve.beyond_chance):
        return
    rows = tuple((str(size), f"{value:.4g}") for size, value in curve.points)
    yield Sighting(
        "probe",
        Place(),
        f"The metric changes with the batch size: its mean over batches of {curve.size} is {curve.mean:.4g}, "
        f"and on all {curve.samples} samples at once it is {curve.whole:.4g}, of the same outputs.",
        evidence=(
            Measure("change from all at once to batches", curve.change, "of the metric", options["change"]),
            Table("The metric over batch sizes", ("batch size", "mean of the batches"), rows),
        ),
    )
