"""Training and evaluation inputs that were prepared in different ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Sighting, Strength, Unanswerable
from evalcheck.loader import LoaderView, wording
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
    limits = float(options["shift"]), float(options["ratio"])
    # The first samples of a stream need not be like the others.
    figures: Strength = "usual" if view.spread and view.other.spread else "slight"
    reasons = [(c, reason, s) for c in found for reason, s in wording.differences(c, *limits, figures)]
    if not reasons:
        return
    told = "; ".join(f"{_name(c, len(found))}{reason}" for c, reason, _ in reasons)
    message = f"The evaluation inputs are not prepared as the training inputs: {told}."
    single = len(found) == 1
    measures = [measure for contrast in found for measure in contrast.measures(*limits, alone=single)]
    strength: Strength = "usual" if "usual" in [s for _, _, s in reasons] else "slight"
    place = Place(module="loader")
    yield Sighting("loader", place, message, (*measures, table(found)), strength=strength)


def _name(contrast: Contrast, parts: int) -> str:
    return f"{contrast.train.path} has " if parts > 1 else ""
