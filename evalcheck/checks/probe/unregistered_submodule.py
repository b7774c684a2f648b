"""What modules that the model does not own do to its eval output by staying in train mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import percent
from evalcheck.probe.state.modes_by_part import Stray


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per attribute that keeps them; no effect of the mode clears the mode alone."""
    for stray in trial.state.strays:
        yield _sighting(stray, options["tolerance"])


def _sighting(stray: Stray, tolerance: float) -> Sighting:
    first, *others = stray.kept
    subject = f"{len(stray.kept)} modules are" if others else f"A {type(first.module).__name__} is"
    return Sighting(
        "probe",
        Place(module=first.path),
        f"{subject} kept in a {first.keeper} ({first.attribute!r}): {_told(stray, tolerance)}.",
        evidence=(*_measures(stray, tolerance), *_awake(stray)),
        others=tuple(Place(module=hidden.path) for hidden in others),
        strength="usual" if stray.size > tolerance or stray.weights else "cleared",
        # The attribute's name is what the reader of the source can know of the same container.
        subject=first.path.partition("[")[0].rpartition(".")[2] or None,
    )


def _told(stray: Stray, tolerance: float) -> str:
    many = len(stray.kept) > 1
    if stray.size > tolerance:
        noise = f" (noise, new in every pass: {stray.noise:.1%})" if stray.noise > tolerance else ""
        them, they_change = ("them", "they change") if many else ("it", "it changes")
        return (
            f"eval() does not reach {them}, and by staying in train mode {they_change} the eval output by "
            f"{percent(stray.size)}{noise}"
        )
    if stray.weights:
        return (
            f"{'their' if many else 'its'} mode changes nothing here, but {stray.weights:,} weights are in "
            "no parameters() and no state_dict()"
        )
    return "which has no effect on these batches"


def _measures(stray: Stray, tolerance: float) -> Iterator[Measure]:
    yield Measure("difference by staying in train mode", stray.size, "of the eval output", tolerance)
    if stray.size > tolerance:
        yield Measure("noise between two eval passes", stray.noise, "of the eval output", tolerance)


def _awake(stray: Stray) -> Iterator[Table]:
    if rows := tuple(stray.awake.items())[:8]:
        yield Table("In train mode during an eval forward", ("module", "in train mode it"), rows)
