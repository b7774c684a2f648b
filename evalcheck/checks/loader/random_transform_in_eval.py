"""Random transforms that run on evaluation data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Strength, Unanswerable
from evalcheck.loader import LoaderView, Repeat, Transform

# Less than this is rounding. A transform that would have left no trace in the samples read with
# a chance above the second is not cleared.
ROUNDING, DOUBT = 1e-5, 0.01


def check(view: LoaderView, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for each random transform that ran, or that nobody could watch."""
    if view.role != "eval" or view.varied_on_purpose:
        return
    if not view.datasets and view.repeat().differing(ROUNDING):
        raise Unanswerable("there is no dataset behind this loader whose transforms could be seen")
    try:
        repeat = view.repeat() if view.random_transforms else None
    except Unanswerable:
        repeat = None
    for transform in view.random_transforms:
        if repeat is None or repeat.used is None:
            yield _unwatched(transform)
        elif id(transform.subject) in repeat.used:
            yield _watched(transform, repeat)


def _unwatched(transform: Transform) -> Sighting:
    # Of a dataset that serves both splits, the one for training is not what is evaluated.
    strength: Strength = "slight" if "train" in transform.path.lower() else "usual"
    message = (
        f"{transform.label} in the evaluation data draws random numbers; it could not be watched running."
    )
    return _sighting(transform, message, strength)


def _watched(transform: Transform, repeat: Repeat) -> Sighting:
    differ = len(repeat.differing(ROUNDING))
    came_out = f"{differ} of {repeat.read} samples differ when read again"
    strength: Strength = "usual"
    if not differ:
        came_out = f"all {repeat.read} samples came out the same when read again"
        chance = getattr(transform.subject, "p", 1.0)
        applied = float(chance) if isinstance(chance, (int, float)) else 1.0
        strength = "cleared" if (1 - applied) ** (2 * repeat.read) < DOUBT else "slight"
    message = f"{transform.label} runs on evaluation data: {came_out}."
    share = Measure("samples that differ when read twice", differ / max(repeat.read, 1), limit=0.0)
    return _sighting(transform, message, strength, share)


def _sighting(transform: Transform, message: str, strength: Strength, *measures: Measure) -> Sighting:
    # The class name is what the reader of the source can know of the same transform.
    place = Place(module=transform.path)
    return Sighting("loader", place, message, measures, strength=strength, subject=transform.label)
