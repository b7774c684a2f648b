"""A second model that training only asks, without gradients, and that is in train mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.modes import facts


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each run of a model that is only asked in a loop of training, in the mode it was built in."""
    for use in facts(file).teachers:
        built = use.built
        yield Sighting(
            layer="source",
            place=file.place(use.place.node),
            message=(
                "This model is only asked, never trained, but it is in train mode as it was built: its "
                "answers are noisy, and its batch norm statistics move with the training batches. "
                "Call eval() on it before the loop."
            ),
            evidence=(
                *([Quote(built.file.place(built.node), "the model is built here")] if built else []),
                *(
                    [Quote(use.site.file.place(use.site.node), "it is run here")]
                    if use.place != use.site
                    else []
                ),
            ),
        )
