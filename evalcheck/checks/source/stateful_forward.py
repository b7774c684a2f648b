"""A forward that carries something over to the next one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.switches.state_in_forward import carried_over


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each attribute whose old value enters the output, and which nothing resets."""
    if is_unit_test(file):
        return
    for name, node in carried_over(file):
        yield Sighting(
            layer="source",
            place=file.place(node),
            message=(
                f"self.{name} is carried over from one forward to the next and nothing in this file resets "
                "it: what the model says of a batch depends on the batches before, in evaluation too. Keep "
                "it in a local variable, or hand it in and out."
            ),
        )
