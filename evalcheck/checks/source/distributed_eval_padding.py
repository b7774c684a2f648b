"""An evaluation on several processes that counts some samples twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.data.samplers import padding_samplers
from evalcheck.source.kinds import is_unit_test


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each DistributedSampler of evaluation data of which nothing takes the repeats out again."""
    for padding in padding_samplers(file):
        if is_unit_test(file):
            return
        what = f"{padding.name} " if padding.name else "the evaluation data "
        yield Sighting(
            layer="source",
            place=file.place(padding.call),
            message=(
                f"DistributedSampler repeats samples of {what}until every process has equally many, and the "
                f"repeats are scored like the others: cut the gathered results to the length of the dataset, "
                f"or evaluate on one process."
            ),
            strength="usual" if padding.gathered else "slight",
        )
