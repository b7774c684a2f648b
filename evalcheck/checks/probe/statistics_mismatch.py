"""Running statistics are not those of the training data under today's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Strength, Table
from evalcheck.measurement import of
from evalcheck.probe import Trial


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    trial.require_training()
    step = trial.step("stale")
    if step is None:
        return
    size = step.size(trial.unit)
    wrong = sorted((r for r in trial.layers if r.stale > options["layer"]), key=lambda r: -r.stale)
    if size <= options["output"] or not wrong:
        return
    judge = trial.judge
    gain = step.gain(judge.name, bool(judge.higher_is_better)) if judge else None
    harmful = judge is not None and gain is not None and gain > options["harm"] * judge.scale
    # Without targets a moved output is a suspicion; with targets that do not suffer, it is no harm.
    strength: Strength = "usual" if harmful else "slight" if judge is None else "cleared"
    harmless = f", without costing {judge.name}" if judge is not None and not harmful else ""
    names = ", ".join(repr(reading.module) for reading in wrong[:3])
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    yield Sighting(
        "probe",
        Place(module=wrong[0].module),
        f"The running statistics of {names}{more} are not those of {trial.fed_by} under today's weights; "
        f"that alone moves the eval output by {of(size, 'its variance')}{harmless}.",
        evidence=(
            Measure("shift of the eval output", size, "of the output's variance", options["output"]),
            Table(
                "Running statistics against those of the data",
                ("module", "divergence (KL)"),
                tuple((r.module, f"{r.stale:.3g}") for r in wrong[:8]),
            ),
        ),
        others=tuple(Place(module=reading.module) for reading in wrong[1:]),
        strength=strength,
    )
