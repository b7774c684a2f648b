"""A sample's eval output changes with the other samples of its batch, or with its place among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table, Unanswerable
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import whereabouts
from evalcheck.probe.dependence.mates import Influence


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    seen = trial.dependence.mates(options["share"], options["noise"])
    if not seen.real or (not seen.reordered.real and _is_told_of_sizes(trial)):
        return
    worst = seen.worst
    what = "the order of its batch" if seen.reordered.real else "the other samples of its batch"
    how = "standing at another place" if worst is seen.reordered else "replacing half of them"
    forgot = trial.dependence.takes_time_first(worst.module)
    hint = ", which takes the first dimension for time (batch_first=False)" if forgot else ""
    yield Sighting(
        "probe",
        Place(module=worst.module),
        f"A sample's eval output depends on {what}: {how} changes it by {seen.share(worst):.1%} of what "
        f"replacing the sample itself does{whereabouts(worst.module)}{hint}.",
        evidence=(
            *(
                Measure(told, seen.share(each), "of replacing the sample", options["share"])
                for told, each in (("other mates", seen.replaced), ("another order", seen.reordered))
            ),
            *_who(seen),
        ),
        # Without targets nobody knows that it is not.
        strength="slight" if forgot and not trial.dependence.has_targets else "usual",
    )


def _is_told_of_sizes(trial: Trial) -> bool:
    """Statistics of the batch show in its size too: batch-size-dependent-eval tells of them."""
    try:
        return any(seen.real for seen in trial.dependence.batch_sizes())
    except Unanswerable:
        return False


def _who(seen: Influence) -> Iterator[Table]:
    """Effects over the effect of replacing the sample in whose column they stand."""
    if seen.table:
        headers = ("replaced", *(f"changes sample {column}" for column in range(len(seen.table))))
        rows = tuple(
            (f"sample {row}", *(f"{effect:.1%}" for effect in effects))
            for row, effects in enumerate(seen.table)
        )
        yield Table("Who influences whom (100% is the sample's own effect)", headers, rows)
