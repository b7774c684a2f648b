"""A batch norm whose statistics move twice per step, since activation checkpointing runs it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.normalisation.recomputation import recomputed_norms


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each call of checkpoint that runs a batch norm; behind an option it is one step milder."""
    if is_unit_test(file):
        return
    for found in recomputed_norms(file):
        yield Sighting(
            layer="source",
            place=file.place(found.call),
            message=(
                "Checkpointing runs this part again in the backward pass, and the batch norm in it moves its "
                "running statistics a second time with the same batch: its momentum counts nearly twice. "
                "Keep the norm out of the recomputed part, or lower its momentum to 1 - sqrt(1 - momentum)."
            ),
            evidence=(Quote(file.place(found.norm), "a batch norm is built here"),)
            if file.index.parents.get(found.norm) is not None
            else (),
            strength="slight" if found.optional else "usual",
        )
