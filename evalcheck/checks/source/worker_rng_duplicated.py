"""A random generator that is copied to every worker of a loader, in the same state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.data.stored_generators import stored_generators
from evalcheck.source.kinds import is_unit_test


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each generator that a dataset or a transform keeps and draws from."""
    for stored in stored_generators(file):
        if is_unit_test(file):
            return
        kind = "dataset" if stored.dataset else "transform"
        yield Sighting(
            layer="source",
            place=file.place(stored.store),
            message=(
                f"{stored.owner.name} keeps this {stored.maker} as self.{stored.store.attr}, and every "
                f"worker of a loader begins each epoch with the same copy of it: the {kind} draws the "
                f"same random numbers in all workers and in all epochs. Draw from torch's or numpy's "
                f"global generator, or make a generator per worker."
            ),
            evidence=(Quote(file.place(stored.draw), "loading a sample draws from it here"),),
        )
