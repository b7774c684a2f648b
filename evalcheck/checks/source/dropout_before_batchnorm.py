"""A dropout right before a batch norm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.normalisation.layer_orders import dropouts_before_norms


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each batch norm that gets the output of a dropout, with nothing but activations between."""
    for meeting in dropouts_before_norms(file):
        yield Sighting(
            layer="source",
            place=file.place(meeting.norm),
            message=(
                "This batch norm gets its values from a dropout. In train mode their variance is larger than "
                "in eval mode, and the running variance that eval mode divides by is the larger one: put the "
                "dropout behind the norm."
            ),
            evidence=(Quote(file.place(meeting.dropout), "the dropout before it"),),
            strength="usual" if meeting.sure else "slight",
        )
