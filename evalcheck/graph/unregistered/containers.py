"""Hidden modules by the container that keeps them, and what the forward in eval mode did with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evalcheck.finding import Place
from evalcheck.graph.building import places
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.traces import Call
from evalcheck.graph.unregistered.hidden import HiddenModule


@dataclass(frozen=True)
class Container:
    """An attribute of a module of the model, and the modules in it."""

    modules: tuple[HiddenModule, ...]
    calls: tuple[Call, ...]
    place: Place

    @property
    def others(self) -> tuple[Place, ...]:
        """The same line, for the further modules."""
        return tuple(Place(self.place.span, hidden.path) for hidden in self.modules[1:])

    @property
    def awake(self) -> bool:
        """Whether any of them ran in train mode while the model was in eval mode."""
        return any(call.training for call in self.calls)


def of(graph: ModelGraph, found: Iterable[HiddenModule]) -> list[Container]:
    """The containers of some hidden modules, in the order of their first."""
    kept: dict[tuple[str, str], list[HiddenModule]] = {}
    for hidden in found:
        kept.setdefault((hidden.owner, hidden.attribute), []).append(hidden)
    return [_container(graph, group) for group in kept.values()]


def _container(graph: ModelGraph, group: list[HiddenModule]) -> Container:
    first = group[0]
    span = places.kept(graph.modules[first.owner].module, first.attribute)
    calls = [call for hidden in group if graph.eval for call in graph.eval.calls_below(hidden.path)]
    return Container(tuple(group), tuple(calls), Place(span, first.path))
