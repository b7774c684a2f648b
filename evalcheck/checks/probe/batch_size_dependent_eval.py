"""The same samples in batches of other sizes give other outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Unanswerable
from evalcheck.probe import Trial
from evalcheck.probe.dependence.samples import whereabouts


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    tolerance = options["tolerance"]
    if trial.dependence.repetition(tolerance).size > tolerance:
        raise Unanswerable("eval differs from itself on one and the same batch, which hides this")
    found = trial.dependence.batch_sizes(tolerance, options["samples"])
    if not found:
        raise Unanswerable("the model refuses batches of other sizes")
    worst = max(found, key=lambda difference: difference.size)
    if not worst.size > tolerance:
        return
    module = next((d.module for d in found if d.module is not None), None)
    yield Sighting(
        "probe",
        Place(module=module),
        f"A sample's eval output depends on the size of its batch: in batches of {worst.batch_size} "
        f"the outputs differ by {worst.size:.1%} from those of one large batch{whereabouts(module)}.",
        evidence=tuple(
            Measure(f"batches of {d.batch_size} against all at once", d.size, "of the output", tolerance)
            for d in found
        ),
    )
