"""The mean of train mode is not the output of eval mode, and a module of the user's own is why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Strength, Unanswerable
from evalcheck.measurement import of
from evalcheck.probe import Trial


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    trial.require_training()
    _ = trial.divergence  # where eval mode differs from itself nothing can be held against its output
    custom, limit = trial.way.custom, options["output"]
    step, size = custom.step, custom.size(trial.unit)
    if step is None or size <= limit or not custom.culprits:
        return
    explains = custom.is_made_good(options["explained"], trial.unit)
    strength = _strength(trial, size > options["large"], explains, options["harm"])
    if strength is None:
        return
    first, *more = custom.culprits
    gain = custom.gains[first]
    told = f", {gain.gain:.2f} times that of eval mode" if gain is not None and explains else ""
    names = repr(first) if first else "the model's own forward"
    others = f" and {len(more)} more" if more else ""
    harmless = "; no score suffers from it" if trial.judge and strength != "usual" else ""
    sure, passes = custom.interval(trial.unit), len(step.after)
    yield Sighting(
        "probe",
        Place(module=first),
        f"In train mode the mean output of {names}{others} is another than in eval mode{told}: "
        f"that alone moves the model's output by {of(size, 'its variance')}{harmless}.",
        evidence=(
            Measure("shift of the mean output", size, "of the output's variance", limit, sure, passes),
            custom.listed(),
        ),
        others=tuple(Place(module=path) for path in more),
        strength=strength,
    )


def _strength(trial: Trial, large: bool, explains: bool, harm: float) -> Strength | None:
    """None where it may be meant: augmentation in train mode shifts the mean too, and eval is better for it.

    What is wrong is known by its cure: with the factor made good eval mode is better. Or train mode, noise
    and all, is the better one.
    """
    judge, custom = trial.judge, trial.way.custom
    if judge is None:
        return ("usual" if large else "slight") if explains else None
    gains = [custom.gained(judge), *([custom.gained_rescaled(judge)] if explains else [])]
    for gain in gains:
        if gain is None:
            raise Unanswerable(f"the {judge.name} does not say which is better")
        if gain.beyond_chance() > harm * judge.scale:
            return "usual"
    return ("slight" if large else "cleared") if explains else None
