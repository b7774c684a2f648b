"""Batch norms whose parameters are frozen while their statistics go on moving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.normalisation.frozen_norms import affine_frozen_only


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each place that freezes the parameters of batch norms alone."""
    if is_unit_test(file):
        return
    for node in affine_frozen_only(file):
        yield Sighting(
            layer="source",
            place=file.place(node),
            message=(
                "This freezes scale and shift of the batch norms, but in train mode they still normalise by "
                "the batch and move their running statistics. Call eval() on them too, after each train()."
            ),
        )
