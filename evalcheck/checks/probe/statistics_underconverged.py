"""Running statistics are still mixed with the mean 0 and variance 1 that they started from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Sighting, Table
from evalcheck.measurement import LayerReading
from evalcheck.probe import Trial, effect
from evalcheck.probe.statistics import blame


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    if not trial.has_norms:
        return
    trial.require_training()
    found = effect.of_step(trial, "stale")
    if found is None or found.size <= options["output"]:
        return
    early = [r for r in blame.of(trial).underconverged if (r.residual or 0.0) > options["weight"]]
    if not early or blame.part(trial, early) * found.size <= options["output"]:
        return
    early.sort(key=lambda reading: -(reading.share or 0.0))
    worst = early[0]
    counted = worst.residual_expected
    lies = counted is not None and not 0.5 < (worst.residual or 0.0) / max(counted, 1e-9) < 2
    strength = found.strength(options["harm"], options["large"])
    if lies and strength == "cleared":
        return  # noise of small batches looks like a share of 0 and 1: the counter denies it, nothing suffers
    tells = f" (its counter says {counted:.1%}: the momentum was another)" if lies else ""
    names = ", ".join(repr(reading.module) for reading in early[:3])
    more = f" and {len(early) - 3} more" if len(early) > 3 else ""
    yield Sighting(
        "probe",
        Place(module=worst.module),
        f"{worst.residual:.0%} of the running statistics of {worst.module!r} are still the mean 0 and "
        f"variance 1 of construction{tells}. Statistics that follow the data ({names}{more}) move "
        f"the eval output {found.told(options['harm'])}.",
        # The message gives the fitted weight, the tracer's sighting that by the counter.
        evidence=(found.measure(options["output"]), _table(early)),
        others=tuple(Place(module=reading.module) for reading in early[1:]),
        strength=strength,
    )


def _table(early: list[LayerReading]) -> Table:
    rows = [
        (
            r.module,
            "" if r.momentum is None else f"{r.momentum:g}",
            f"{r.residual:.1%}",
            "" if r.residual_expected is None else f"{r.residual_expected:.1%}",
            f"{r.stale:.2g}",
        )
        for r in early[:8]
    ]
    headers = ("module", "momentum", "start, fitted", "start, by the counter", "off by (KL)")
    return Table("What is left of the initial statistics", headers, tuple(rows))
