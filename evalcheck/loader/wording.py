"""What is different between training inputs and evaluation inputs, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from evalcheck.finding import Strength
from evalcheck.loader.contrast import Contrast
from evalcheck.loader.inputs import Part

# Scales that are so many times apart were forgotten, not chosen otherwise.
MANY = 10


def differences(
    contrast: Contrast, shift: float, ratio: float, figures: Strength
) -> Iterator[tuple[str, Strength]]:
    """What is different beyond chance and beyond what augmentation does, the evaluation's side first.

    ``shift`` and ``ratio`` are the limits of the means' distance and of the spreads' factor, ``figures`` how
    strong a sighting by these is.
    """
    train, evaluation = contrast.train, contrast.eval
    if train.dtype != evaluation.dtype and len(train.dtypes) == len(evaluation.dtypes) == 1:
        kinds = {dtype.is_floating_point for dtype in (train.dtype, evaluation.dtype)}
        yield f"{evaluation.type_name} instead of {train.type_name}", "usual" if len(kinds) > 1 else "slight"
    one, two = train.channels, evaluation.channels
    if one and two and one != two:
        yield f"{two[1]} channels {two[0]} instead of {one[1]} {one[0]}", "usual"
    if contrast.scaled(ratio):
        yield _scaled(contrast), figures
    if contrast.shifted(shift):
        yield f"a mean of {evaluation.mean:.3g} instead of {train.mean:.3g}", figures


def _scaled(contrast: Contrast) -> str:
    """``values about 255 times as large (0 to 255 instead of 0 to 1)``, or another spread."""
    assert contrast.ratio is not None
    train, evaluation, larger = contrast.train, contrast.eval, math.exp(-contrast.ratio[0])
    if 1 / MANY < larger < MANY:
        return f"a standard deviation of {evaluation.deviation:.3g} instead of {train.deviation:.3g}"
    times = f"{larger:.3g} times as large" if larger > 1 else f"{1 / larger:.3g} times smaller"
    return f"values about {times} ({_range(evaluation)} instead of {_range(train)})"


def _range(part: Part) -> str:
    return f"{part.low:.3g} to {part.high:.3g}"
