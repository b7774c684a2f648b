"""Batches too small for a batch norm: eval mode computes something else than train mode learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table
from evalcheck.measurement import LayerReading
from evalcheck.probe import Trial, effect


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    if not trial.has_norms:
        return
    trial.require_training()
    few = sorted((r for r in trial.layers if _values(r) < options["samples"]), key=_values)
    small = trial.foreign and trial.feed.batch_size < options["samples"]
    if not few and not (small and trial.layers):
        return
    found = effect.of_step(trial, "batch")
    if found is None or found.size <= options["output"]:
        return
    # Feature maps hide small batches: behind a norm that already took its mean off, the next one looks calm.
    few = few or [min(trial.layers, key=_values)]
    worst, size = few[0], trial.feed.batch_size
    more = f" (and {len(few) - 1} more)" if len(few) > 1 else ""
    batch = f"In batches of {size}" if trial.foreign else f"In batches of {size}, if training has such,"
    values = "one independent value" if _values(worst) < 1.5 else f"{_values(worst):.0f} independent values"
    yield Sighting(
        "probe",
        Place(module=worst.module),
        f"{batch} batch norm {worst.module!r}{more} takes its statistics from about {values} a "
        f"channel, which puts an error of {(worst.noise or 0.0) ** 0.5:.0%} on a normalised value. "
        f"Train mode learns under it, eval mode has none: batch statistics move the eval output "
        f"{found.told(options['harm'])}.",
        evidence=(
            Measure("independent values a channel", _values(worst), limit=options["samples"]),
            Measure("squared error of a normalised value, 1.5 / n", worst.noise or 0.0),
            found.measure(options["output"]),
            _table(few),
        ),
        others=tuple(Place(module=reading.module) for reading in few[1:]),
        strength=found.strength(options["harm"]) if trial.foreign or found.gain is None else "slight",
    )


def _values(reading: LayerReading) -> float:
    """Independent values a channel in one batch: those of a feature map are alike."""
    return reading.n_eff if reading.n_eff is not None else reading.samples_per_channel


def _table(few: list[LayerReading]) -> Table:
    rows = tuple(
        (r.module, f"{r.samples_per_channel:.0f}", f"{_values(r):.0f}", f"{r.noise:.2g}") for r in few[:8]
    )
    headers = ("module", "values a channel", "worth independent ones", "noise (1.5 / n)")
    return Table("Batch norms with few values a channel", headers, rows)
