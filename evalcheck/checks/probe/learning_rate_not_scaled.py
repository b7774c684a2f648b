"""The batch size was changed, and the learning rate not as any of the usual rules would have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Evidence, Measure, Place, Sighting, Table, Unanswerable
from evalcheck.probe import Trial

GIVEN = ("learning_rate", "batch_size", "previous_learning_rate", "previous_batch_size")


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Silent unless the user says what the two were and are: a model does not know its optimiser."""
    rate, size, rate_before, size_before = (float(options[name]) for name in GIVEN)
    if not any((rate, size, rate_before, size_before)):
        return
    if min(rate, size, rate_before, size_before) <= 0:
        raise Unanswerable(f"all of the options {', '.join(GIVEN)} must be given, and be above 0")
    if size == size_before:
        return  # the rate alone may change at will, as every schedule does
    larger, faster = size / size_before, rate / rate_before
    linear, root = rate_before * larger, rate_before * larger**0.5
    slack = options["slack"]
    if min(linear, root) / slack <= rate <= max(linear, root) * slack:
        return
    yield Sighting(
        "probe",
        Place(),
        f"The batch size went from {size_before:g} to {size:g} (times {larger:.3g}) and the learning rate "
        f"from {rate_before:g} to {rate:g} (times {faster:.3g}); the linear rule gives {linear:.3g}, the "
        f"square-root rule {root:.3g}.",
        evidence=_evidence(trial, size_before, size, rate_before, linear, root),
    )


def _evidence(
    trial: Trial, size_before: float, size: float, rate_before: float, linear: float, root: float
) -> tuple[Evidence, ...]:
    rows = [("linear (SGD)", f"{linear:.3g}"), ("square root (Adam and its like)", f"{root:.3g}")]
    measures: tuple[Measure, ...] = ()
    try:
        trial.require_training()
        noise = trial.scaling.noise
    except Unanswerable as reason:
        rows.append(("by the gradient noise scale (SGD)", f"unknown: {reason}"))
    else:
        scaled = [rate_before * _ratio(scale, size_before, size) for scale in noise.interval]
        rows.append(("by the gradient noise scale (SGD)", f"{min(scaled):.3g} to {max(scaled):.3g}"))
        measures = (
            Measure("gradient noise scale", noise.scale, "samples", None, noise.interval, noise.samples),
        )
    return (*measures, Table("The learning rate that rules give", ("rule", "learning rate"), tuple(rows)))


def _ratio(scale: float, before: float, after: float) -> float:
    """By which factor the best rate of SGD grows: it is proportional to 1 / (1 + scale / batch size)
    (McCandlish et al., arXiv 1812.06162, equation 2.6)."""
    return (1 + scale / before) / (1 + scale / after)
