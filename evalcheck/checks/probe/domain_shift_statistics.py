"""The evaluation data has other statistics than the training data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table
from evalcheck.measurement import LayerReading
from evalcheck.probe import Trial, effect
from evalcheck.probe.statistics import domains


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    if not trial.has_norms:
        return
    trial.require_training()
    found = effect.of_step(trial, "domain")
    if found is None:
        return
    floor = domains.floor(trial.passes, trial.population, trial.unit)
    limit = max(options["output"], options["floors"] * floor)
    shifted = [
        r for r in domains.in_order(trial.population, trial.layers) if (r.domain or 0.0) > options["layer"]
    ]
    if found.size <= limit or not shifted:
        return
    first, harm = shifted[0], options["harm"]
    apart = domains.apart(trial.population, first.module)
    asked = "."
    if (first.domain or 0.0) > options["scaled"]:
        asked = "; is the evaluation input scaled as in training?"
    elif found.helps(harm):
        asked = "; statistics of the evaluation data would make it worse: leave them as they are."
    yield Sighting(
        "probe",
        Place(module=first.module),
        f"On the evaluation data the inputs of norm {first.module!r} lie {apart.told}: that moves "
        f"the eval output {found.told(harm)}{asked}",
        evidence=(
            found.measure(limit),
            Measure("what chance would give", floor, "of the output's variance"),
            _table(trial, shifted),
        ),
        others=tuple(Place(module=reading.module) for reading in shifted[1:]),
        strength=found.strength(harm, options["large"]),
    )


def _table(trial: Trial, shifted: list[LayerReading]) -> Table:
    """The four statistics of a norm apart: running, of training, of evaluation, of one batch."""
    rows = []
    for reading in shifted[:8]:
        apart = domains.apart(trial.population, reading.module)
        figures = (apart.shift, apart.ratio, reading.domain or 0.0, reading.stale, reading.noise or 0.0)
        rows.append((reading.module, *(f"{value:.2g}" for value in figures)))
    headers = ("module", "shift (sd)", "variance ratio", "domain (KL)", "moving average (KL)", "batch noise")
    return Table("Evaluation against training", headers, tuple(rows))
