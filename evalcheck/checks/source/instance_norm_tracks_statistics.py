"""An instance norm that keeps running statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Edit, Fix, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.normalisation.norm_layers import built_norms
from evalcheck.source.values import literal


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each instance norm with track_running_stats=True."""
    if is_unit_test(file):
        return
    for layer in built_norms(file):
        tracks = None if layer.is_batch_norm else layer.given("track_running_stats")
        if tracks is None or literal(tracks) is not True:
            continue
        fix = Fix(
            "normalise each sample by itself in both modes", (Edit(file.span(tracks), "False"),), safe=False
        )
        yield Sighting(
            layer="source",
            place=file.place(layer.call),
            message=(
                "With track_running_stats=True this instance norm normalises each sample by itself in train "
                "mode and by one running average for all in eval mode, which is another function. Leave it "
                "off unless a trained checkpoint needs it."
            ),
            fix=fix,
        )
