"""The same samples in batches of other sizes give other outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Unanswerable
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import whereabouts


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    tolerance = options["tolerance"]
    found = trial.dependence.batch_sizes(tolerance, options["samples"])
    worst = max(found, key=lambda difference: difference.size)
    if not worst.real or _is_told_of_its_order(trial):
        return
    module = next((d.module for d in found if d.module is not None), None)
    sizes = f"in batches of {worst.batch_size}" if worst.batch_size else "in smaller batches"
    forgot = trial.dependence.takes_time_first(module)
    hint = ", which takes the first dimension for time (batch_first=False)" if forgot else ""
    yield Sighting(
        "probe",
        Place(module=module),
        f"A sample's eval output depends on the size of its batch: {sizes} "
        f"the outputs differ by {worst.size:.1%} from those of one large batch{whereabouts(module)}{hint}.",
        evidence=tuple(
            Measure(
                f"batches of {d.batch_size or 'mixed sizes'} against all at once",
                d.size,
                "of the output",
                tolerance,
            )
            for d in found
        ),
        # Without targets nobody knows that it is not.
        strength="slight" if forgot and not trial.dependence.has_targets else "usual",
    )


def _is_told_of_its_order(trial: Trial) -> bool:
    """Where the order matters too, batch-mate-dependent-eval tells of it: one fault, one finding."""
    try:
        return trial.dependence.mates().reordered.real
    except Unanswerable:
        return False
