"""The noise of dropout widens what a batch norm sees in train mode, and eval mode pays for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Sighting, Table
from evalcheck.measurement import LayerReading
from evalcheck.probe import Trial, effect


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    if not trial.has_norms:
        return
    trial.require_training()
    found = effect.of_step(trial, "dropout")
    if found is None or found.size <= options["output"]:
        return
    wide = [r for r in trial.layers if (r.dropout_ratio or 1.0) >= options["ratio"]]
    if not wide:
        return
    wide.sort(key=lambda r: (r.dropout is None, -(r.dropout_ratio or 0.0)))  # a known one's ratio is its own
    worst = wide[0]
    named = f"dropout {worst.dropout!r} at rate {worst.dropout_rate or 0.0:g}"
    source = named if worst.dropout else "train mode's noise"
    also = f" (predicted: {worst.dropout_predicted:.2f})" if worst.dropout_predicted is not None else ""
    yield Sighting(
        "probe",
        Place(module=worst.module),
        f"With {source} in front, the inputs of batch norm {worst.module!r} vary {worst.dropout_ratio:.2f} "
        f"times as much in train mode as in eval mode{also}, and eval mode divides by the "
        f"variance of train mode: that moves the eval output {found.told(options['harm'])}.",
        evidence=(
            found.measure(options["output"]),
            _table(wide),
        ),
        others=tuple(Place(module=name) for name in _others(wide)),
        strength=found.strength(options["harm"]),
    )


def _others(wide: list[LayerReading]) -> list[str]:
    """Further norms, and the dropouts in front of all of them."""
    norms = [reading.module for reading in wide[1:]]
    return [*norms, *dict.fromkeys(r.dropout for r in wide if r.dropout is not None)]


def _table(wide: list[LayerReading]) -> Table:
    rows = [
        (
            reading.module,
            f"{reading.dropout} ({reading.dropout_rate:g})" if reading.dropout else "",
            f"{reading.dropout_ratio:.2f}",
            f"{reading.dropout_predicted:.2f}" if reading.dropout_predicted is not None else "",
        )
        for reading in wide[:8]
    ]
    headers = ("batch norm", "dropout (rate)", "variance train : eval", "predicted of this dropout alone")
    return Table("Variance of the norms' inputs, with dropout and without", headers, tuple(rows))
