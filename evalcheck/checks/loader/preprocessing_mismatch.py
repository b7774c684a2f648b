"""Training and evaluation inputs that were prepared in different ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Sighting, Strength, Unanswerable
from evalcheck.loader import LoaderView
from evalcheck.loader.contrast import Contrast, compare, table


def check(view: LoaderView, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """At most one sighting, with a table of all parts of the inputs."""
    if not view.plays("eval"):
        return
    if view.other is None:
        raise Unanswerable("a training loader was not given")
    found = list(compare(view.other.inputs, view.inputs))
    if not found:
        raise Unanswerable("the samples of the two loaders have no input in common")
    # The first samples of a stream need not be like the others.
    figures: Strength = "usual" if view.spread and view.other.spread else "slight"
    reasons = [(c, reason, s) for c in found for reason, s in _reasons(c, options, figures)]
    if not reasons:
        return
    told = "; ".join(f"{_name(c, len(found))}{reason}" for c, reason, _ in reasons)
    message = f"training and evaluation inputs were prepared differently (training first): {told}."
    limits = float(options["shift"]), float(options["ratio"])
    measures = [measure for contrast in found for measure in contrast.measures(*limits)]
    strength: Strength = "usual" if "usual" in [s for _, _, s in reasons] else "slight"
    place = Place(module="loader")
    yield Sighting("loader", place, message, (*measures, table(found)), strength=strength)


def _reasons(
    contrast: Contrast, options: Mapping[str, Any], figures: Strength
) -> Iterator[tuple[str, Strength]]:
    """What is different beyond chance and beyond what augmentation does."""
    train, evaluation = contrast.train, contrast.eval
    if train.dtype != evaluation.dtype and len(train.dtypes) == len(evaluation.dtypes) == 1:
        kinds = {dtype.is_floating_point for dtype in (train.dtype, evaluation.dtype)}
        yield f"{train.type_name} against {evaluation.type_name}", "usual" if len(kinds) > 1 else "slight"
    one, two = train.channels, evaluation.channels
    if one and two and one != two:
        yield f"{one[1]} channels {one[0]} against {two[1]} {two[0]}", "usual"
    if contrast.scaled(float(options["ratio"])):
        yield f"a standard deviation of {train.deviation:.3g} against {evaluation.deviation:.3g}", figures
    if contrast.shifted(float(options["shift"])):
        yield f"a mean of {train.mean:.3g} against {evaluation.mean:.3g}", figures


def _name(contrast: Contrast, parts: int) -> str:
    return f"{contrast.train.path} has " if parts > 1 else ""
