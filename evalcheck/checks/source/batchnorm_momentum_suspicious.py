"""A momentum or an eps of a batch norm that torch reads otherwise than it was meant."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.momentum import Origin, Setting, origins, settings, turned_around


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each number that is suspicious, where it stands, once for all norms that it reaches."""
    if is_unit_test(file):
        return
    reported: set[ast.expr] = set()
    for setting in settings(file):
        for origin in origins(file, setting.value):
            message = _fault(setting, origin, options)
            if message is None or origin.node in reported:
                continue
            reported.add(origin.node)
            quotes: tuple[Quote, ...] = ()
            if file.span(setting.call).line != origin.file.span(origin.node).line or origin.file is not file:
                quotes = (Quote(file.place(setting.call), "the batch norm that gets it unchanged"),)
            fix = turned_around(file, setting, origin)
            yield Sighting("source", origin.file.place(origin.node), message, quotes, fix=fix)


def _fault(setting: Setting, origin: Origin, options: Mapping[str, Any]) -> str | None:
    value = origin.value
    if setting.name == "eps":
        if value < options["eps"]:
            return None
        reads = (
            ", because the second positional argument is eps and not momentum" if setting.by_position else ""
        )
        return (
            f"The batch norm's eps is {value:g}{reads}: it is added to the variance, so that the output is "
            f"scaled down by an amount that depends on the data. Pass it by name if momentum was meant."
        )
    if value >= options["momentum"]:
        decay = f" If {value:g} was meant as a decay, as in Keras and TensorFlow, pass {1 - value:.4g}."
        return (
            f"With momentum={value:g} torch weighs the newest batch by {value:g}, so the running statistics "
            f"that eval mode uses are little more than those of the last one or two training batches."
            f"{decay if value < 1 else ''}"
        )
    if value <= 0:
        return (
            "With momentum=0 the running statistics never move from mean 0 and variance 1, which eval mode "
            "then uses. For an average over all batches pass momentum=None."
        )
    return None
