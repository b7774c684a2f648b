"""An attribute that eval forwards leave behind for train forwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.switches.state_in_forward import latches


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each attribute that only eval mode writes and train mode reads."""
    if is_unit_test(file):
        return
    for latch in latches(file):
        yield Sighting(
            layer="source",
            place=file.place(latch.written),
            message=(
                f"Only a forward in eval mode writes self.{latch.name}, and a forward in train mode reads "
                "it: an evaluation changes how the training goes on. Use a local variable, or reset it in "
                "train()."
            ),
            evidence=(Quote(file.place(latch.read), "train mode reads it here"),),
        )
