"""Eval under gradients, no_grad and inference_mode differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import whereabouts
from evalcheck.probe.dependence.gradients import Contrast


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    tolerance = options["tolerance"]
    found = trial.dependence.gradient_modes(tolerance)
    if not any(contrast.seen.real for contrast in found):
        return
    worst = max(found, key=lambda contrast: (contrast.seen.real, contrast.seen.size))
    harmless = worst.valid is not None and not worst.valid > tolerance
    modes = " and ".join(contrast.mode for contrast in found if contrast.seen.real)
    cause = "; with torch's fast path for attention off they agree" if worst.without_fast_path else ""
    where = "" if worst.valid is None else ", at padding only" if harmless else ", also where there is data"
    yield Sighting(
        "probe",
        Place(module=worst.seen.module),
        f"The eval output is another one {modes} than under no_grad: it differs by {worst.seen.size:.1%}"
        f"{where}{whereabouts(worst.seen.module)}{cause}.",
        evidence=tuple(_measures(found, tolerance)),
        # Nobody may look at what stands at padding; who takes a plain mean over positions does.
        strength="slight" if harmless else "usual",
    )


def _measures(found: list[Contrast], tolerance: float) -> Iterator[Measure]:
    for contrast in found:
        yield Measure(f"{contrast.mode} against no_grad", contrast.seen.size, "of the output", tolerance)
        if contrast.valid is not None:
            told = f"{contrast.mode} against no_grad, where there is data"
            yield Measure(told, contrast.valid, "of the output", tolerance)
