"""The root's flag written back on every submodule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.switches.mode_restores import flattenings, wakes_frozen


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report where one saved flag is given to all, or to a model of which a part is held in eval mode."""
    if is_unit_test(file):
        return
    for found in flattenings(file):
        yield Sighting(
            layer="source",
            place=file.place(found.written),
            message=(
                "The flag of the whole model is written back on each of its submodules, so that one which "
                "was frozen in eval mode wakes up in train mode. Save and restore the flag of each module."
            ),
            evidence=(Quote(file.place(found.saved), "only the root's flag is saved here"),),
        )
    for found, held in wakes_frozen(file):
        yield Sighting(
            layer="source",
            place=file.place(found.written),
            message=(
                "train(flag) reaches every submodule, also the part that this file holds in eval mode while "
                "the rest trains: after this line it trains too. Save and restore the flag of each module."
            ),
            evidence=(
                Quote(file.place(found.saved), "only the root's flag is saved here"),
                Quote(file.place(held), "this part is held in eval mode"),
            ),
        )
