"""An average over a whole state, counters and masks with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.copies.averages import averages
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.models import has_batch_norm

TOLD_APART = re.compile(
    r"dtype|is_floating|is_complex|num_batches|isinstance|running|buffer|requires_grad|named_parameters|"
    r"\bint64\b|\blong\b|\bcontinue\b|\bif\b[^\n]* in (?:k|key|name|n)\b|\.(?:starts|ends)with\("
)


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each loop that averages every entry of a state in place, whatever its type."""
    if is_unit_test(file):
        return
    for average in averages(file):
        if average.over != "state" or not average.truncates:
            continue
        around = average.function.node if average.function else average.loop
        if TOLD_APART.search(file.said(around)) or has_batch_norm(file, average.model) is False:
            continue
        yield Sighting(
            layer="source",
            place=file.place(average.write),
            message=(
                "This averages every entry of state_dict(), also counters, indices and masks: what is not "
                "a floating-point number is truncated, so num_batches_tracked stands still and an index "
                "may come out one too low. Average the floating-point entries and copy the others."
            ),
        )
