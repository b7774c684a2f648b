"""Random numbers that reach the output in eval mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting, Strength
from evalcheck.graph import ModelGraph, uses
from evalcheck.graph.stochastic import draws, foreign_draws, free_draws, purpose
from evalcheck.graph.stochastic.draws import Draws
from evalcheck.graph.stochastic.free_draws import Kind

_DEEDS: dict[Kind, str] = {
    "mask": "masks values at random in eval mode too, and the output depends on it",
    "choice": "adds noise to a choice in eval mode too, and the output depends on it",
    "noise": "drew noise in a forward in eval mode that is mixed into what reaches the output",
    "layer": "is random by itself, in eval mode too, and the output depends on it",
    "branch": "drew a number in a forward in eval mode that decides which way the forward goes",
    "other": "drew numbers in a forward in eval mode on which the output depends",
}
_FOREIGN = (
    "{names} drew from {whose} generator in a forward in eval mode, and nothing there asks for the mode: "
    "outputs for one input may differ. What became of the number cannot be followed."
)


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per line. Samplers, and what is declared, are silent. Masks and noisy
    choices are for training; other uses, of whose purpose nothing is said, are hypotheses.
    """
    trace = uses.in_eval(graph)
    kinds = dict(free_draws.met(graph))
    for drawn in draws.together(graph, kinds):
        why = purpose.of(trace, drawn.first, trade=True)
        kind = kinds[drawn.first]
        dropped = kind in ("mask", "branch") and free_draws.by_a_dropout_rate(drawn.first)
        if why != "declared" and (dropped or why != "sampling"):
            sure = (dropped or kind in ("mask", "choice")) and why != "hinted"
            yield _sighting(drawn, kind, "usual" if sure else "slight")
    for place, whose, names in foreign_draws.met(graph):
        yield Sighting("graph", place, _FOREIGN.format(names=names, whose=whose), strength="slight")
    if not kinds:
        uses.demand_whole(trace, graph)


def _sighting(drawn: Draws, kind: Kind, strength: Strength) -> Sighting:
    place, *others = drawn.places
    name = getattr(drawn.first.target, "__name__", "a random function")
    return Sighting(
        layer="graph",
        place=place,
        message=f"{name}{drawn.where} {_DEEDS[kind]}: evaluations of one input differ.",
        evidence=drawn.quotes,
        others=tuple(others),
        strength=strength,
    )
