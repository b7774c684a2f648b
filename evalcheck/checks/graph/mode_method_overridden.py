"""Modules whose own train() or eval() does not switch what torch's would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Quote, Sighting
from evalcheck.graph import ModelGraph
from evalcheck.graph.listing import agree, counted, listed
from evalcheck.graph.state import overrides, own_flags
from evalcheck.graph.state.overrides import Override

MESSAGES = {
    "signature": (
        "{name}() of {who} cannot be called as torch calls it: eval() of the model calls train(False) on "
        "every module in it, which here fails or starts something else."
    ),
    "raises": "{name}() of {who} fails where torch calls it: {detail}.",
    "stuck": (
        "{name}() of {who} does not switch all of its modules: after eval() {left} {are} still in train "
        "mode, so that evaluation runs with what was meant for training only."
    ),
    "returns": (
        "{name}() of {who} returns {detail} where torch's returns the module: code that goes on with what "
        "it returns, such as model = model.eval(), loses the module."
    ),
}
FLAG = (
    "{who} decides by a flag of its own, {name!r}, what it does, and eval() leaves that flag True: torch "
    "switches self.training only. Whoever evaluates the model must clear it by hand."
)


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per method of a class; the methods are called under a guard."""
    faulty = [*overrides.faulty(graph)]
    for group in overrides.grouped(graph, faulty):
        yield _sighting(graph, group, {one.path for one in faulty})
    for flag in own_flags.stuck(graph):
        place = Place(flag.read, flag.path)
        message = FLAG.format(who=counted([graph.modules[flag.path]], "module"), name=flag.name)
        yield Sighting("graph", place, message, (Quote(place, "the flag is read here"),), strength="slight")


def _sighting(graph: ModelGraph, group: list[Override], faulty: set[str]) -> Sighting:
    first, left = group[0], [graph.modules[path] for one in group for path in one.left]
    message = MESSAGES[first.fault].format(
        name=first.name,
        who=counted([graph.modules[one.path] for one in group], "module"),
        detail=first.detail,
        left=left and counted(left, "module"),
        are=agree(left, "is", "are"),
    )
    quotes = [Quote(first.place, f"{first.name}() is defined here")] if first.place.span else []
    tables = [listed(graph, left, "Still in train mode after eval()", {})] if left else []
    # What goes wrong in a module that is left in train mode is this fault's doing, unless it has its own.
    places = [one.place for one in group[1:]] + [graph.place(v.path) for v in left if v.path not in faulty]
    strength = overrides.strength(graph, first)
    return Sighting("graph", first.place, message, (*quotes, *tables), tuple(places), strength=strength)
