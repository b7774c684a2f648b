"""A batch norm that is built without running statistics, or told to stop keeping them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting, Strength
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.normalisation.norm_layers import built_norms, kept_as, only_in_training
from evalcheck.source.normalisation.norms import switched_off
from evalcheck.source.values import literal


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each batch norm with track_running_stats=False, and each place where it is switched off."""
    if not file.mentions("track_running_stats", "BatchNorm") or is_unit_test(file):
        return
    for layer in built_norms(file):
        if not layer.is_batch_norm or literal(layer.given("track_running_stats")) is not False:
            continue
        if only_in_training(file, layer.call, kept_as(file, layer.call)):
            continue
        bare = literal(layer.given("affine")) is False
        strength: Strength = "slight" if bare else "usual"
        yield Sighting(
            layer="source",
            place=file.place(layer.call),
            message=(
                "This batch norm keeps no running statistics, so that eval mode normalises by the batch too: "
                "a prediction depends on the samples beside it and on the batch size."
                + (" That may be meant, since it has no scale and shift either." if bare else "")
            ),
            strength=strength,
        )
    for node in switched_off(file):
        yield Sighting(
            layer="source",
            place=file.place(node),
            message=(
                "This switches track_running_stats off on a norm that was built with it: train mode no "
                "longer updates the running statistics, and eval mode goes on using the old ones. To keep a "
                "norm still, call eval() on it."
            ),
        )
