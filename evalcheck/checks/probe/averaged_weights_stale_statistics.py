"""An averaged model's norms have statistics that are not those of the data under the averaged weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Sighting, Table
from evalcheck.probe import Trial, effect
from evalcheck.probe.statistics import blame


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    if not blame.averaged_copies(trial):
        return
    trial.require_training()
    found = effect.of_step(trial, "stale")
    wrong = blame.of(trial).averaged
    if found is None or found.size <= options["output"] or not wrong:
        return
    if blame.part(trial, wrong) * found.size <= options["output"]:
        return
    wrong = tuple(sorted(wrong, key=lambda reading: -(reading.share or 0.0)))
    yield Sighting(
        "probe",
        Place(module=wrong[0].module),
        f"The weights were averaged, and the running statistics of {len(wrong)} "
        f"norm{'s are' if len(wrong) > 1 else ' is'} not those of {trial.fed_by} under the average: that "
        f"moves the eval output {found.told(options['harm'])}.",
        evidence=(
            found.measure(options["output"]),
            Table(
                "Running statistics against those of the data",
                ("module", "divergence (KL)"),
                tuple((r.module, f"{r.stale:.3g}") for r in wrong[:8]),
            ),
        ),
        others=tuple(Place(module=reading.module) for reading in wrong[1:]),
        strength=found.strength(options["harm"], options["large"]),
    )
