"""A functional dropout that is told to drop in every mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.noise.dropouts import forced_dropouts


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each dropout of a forward that gets a literal True for its mode."""
    for dropout in forced_dropouts(file):
        yield Sighting(
            layer="source",
            place=file.place(dropout.call),
            message=(
                f"{dropout.name.rpartition('.')[2]} is told to drop in every mode, so outputs in eval mode "
                f"are random. If that is wanted (Monte Carlo dropout), declare it; else pass self.training."
            ),
        )
