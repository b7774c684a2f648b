"""Convolutions and batch norms that are fused while the model is in train mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.modes import facts


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each fusion for evaluation of a model that is in train mode for certain."""
    for use in facts(file).fusions:
        born = use.told or use.built
        yield Sighting(
            layer="source",
            place=file.place(use.place.node),
            message=(
                "Batch norms are fused into the layers before them here, which is only right with running "
                "statistics, but the model is in train mode. Call eval() before the fusion."
            ),
            evidence=(Quote(born.file.place(born.node), "the mode comes from here"),) if born else (),
        )
