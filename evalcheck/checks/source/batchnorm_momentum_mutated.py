"""A batch norm's settings or statistics, written while the model runs or by its mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.normalisation.norms import STATISTICS, writes


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report what forward writes to a batch norm, and what the mode decides about one."""
    for write in writes(file):
        if write.attribute in STATISTICS:
            what = "the running statistics that eval mode will use are overwritten"
        else:
            what = f"{write.attribute} of a batch norm is changed"
        when = "by the mode of the model" if write.by_mode else "while forward runs"
        quotes: tuple[Quote, ...] = ()
        if write.built is not None:
            quotes = (Quote(file.place(write.built), "the batch norm is built here"),)
        yield Sighting(
            layer="source",
            place=file.place(write.node),
            message=(
                f"{what[0].upper()}{what[1:]} {when}. eval() by itself keeps the running statistics still "
                f"and uses them; in train mode this line decides whether they still follow the data."
            ),
            evidence=quotes,
        )
