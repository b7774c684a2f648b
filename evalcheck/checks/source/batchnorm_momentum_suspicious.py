"""A momentum or an eps of a batch norm that torch reads otherwise than it was meant."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting, Strength
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.normalisation import momentum
from evalcheck.source.normalisation.momentum import Origin, Setting

EPS = (
    "The batch norm's eps is {value:g}{why}: it is added to the variance, so that the output is scaled down "
    "by an amount that depends on the data. Pass it by name if momentum was meant."
)
HALF = (
    "With momentum=0.5 the newest batch counts as much as all batches before it, so the running statistics "
    "that eval mode uses follow the last few training batches. Usual is 0.1 or less."
)
LARGE = (
    "With momentum={value:g} torch weighs the newest batch by {value:g}, so the running statistics that eval "
    "mode uses are little more than those of the last one or two training batches."
)
DECAY = " If {value:g} was meant as a decay, as in Keras and TensorFlow, pass {rest:.4g}."
ZERO = "With momentum=0 the running statistics, which eval mode uses, never move from mean 0 and variance 1."


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each number that is suspicious, where it stands, once for all norms that it reaches."""
    if is_unit_test(file):
        return
    reported: set[ast.expr] = set()
    for setting in momentum.settings(file):
        for origin in momentum.origins(file, setting.value):
            message = _fault(setting, origin, options)
            if message is None or origin.node in reported:
                continue
            reported.add(origin.node)
            place, norm = origin.file.place(origin.node), file.place(setting.call)
            quotes = () if norm.meets(place) else (Quote(norm, "the batch norm that gets it unchanged"),)
            half = origin.value == 0.5 or (origin.value <= 0 and momentum.comes_with_weights(origin))
            strength: Strength = "slight" if half and setting.name == "momentum" else "usual"
            fix = momentum.turned_around(file, setting, origin)
            yield Sighting("source", place, message, quotes, fix=fix, strength=strength)


def _fault(setting: Setting, origin: Origin, options: Mapping[str, Any]) -> str | None:
    value = origin.value
    if setting.name == "eps":
        why = ", as the second positional argument is eps and not momentum" if setting.by_position else ""
        return EPS.format(value=value, why=why) if value >= options["eps"] else None
    if value == 0.5 and options["momentum"] <= value:
        return HALF
    if value >= options["momentum"]:
        return LARGE.format(value=value) + (DECAY.format(value=value, rest=1 - value) if value < 1 else "")
    return ZERO if value <= 0 else None
