"""Modules that a forward uses and the model does not own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Quote, Sighting, Unanswerable
from evalcheck.graph import ModelGraph, uses
from evalcheck.graph.unregistered import containers, outsiders

_REACH = "eval(), train(), to(), parameters() and state_dict() do not reach"


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per container that keeps such modules, one per line that makes them in a forward."""
    suspects = [hidden for hidden in graph.hidden if hidden.stateful and not hidden.frozen]
    # Frozen and in eval mode, or put past registration by hand: hidden on purpose.
    lost = [h for h in suspects if h.keeper != "attribute" and uses.called(graph, h.path)]
    seen = [_kept(graph, container) for container in containers.of(graph, lost)]
    seen += [_borrowed(outsider) for outsider in outsiders.met(graph) if outsider.matters]
    yield from seen
    partial = any(trace is not None and not trace.complete for trace in (graph.train, graph.eval))
    if partial and not seen and suspects:
        reason = next(iter(graph.refusals.values()), "it is too long to be recorded")
        raise Unanswerable(f"the forward stopped before it used the modules that are hidden: {reason}")


def _kept(graph: ModelGraph, container: containers.Container) -> Sighting:
    first, count = container.modules[0], len(container.modules)
    subject = f"{count} modules are" if count > 1 else f"A {type(first.module).__name__} is"
    where = f"in a {first.keeper} ({first.attribute!r})"
    consequence = " They stayed in train mode while the model was in eval mode." if container.awake else ""
    quotes = [Quote(container.place, "kept here, where registration does not look")]
    quotes += [Quote(Place(call.span, call.path), "and used here") for call in container.calls[:1]]
    return Sighting(
        layer="graph",
        place=container.place,
        message=f"{subject} kept {where}, so that {_REACH} them.{consequence}",
        evidence=tuple(quote for quote in quotes if quote.place.span),
        others=container.others,
        strength="usual" if graph.train or graph.eval else "slight",
        # The attribute's name is what the reader of the source can know of the same container.
        subject=(container.place.module or "").partition("[")[0].rpartition(".")[2] or None,
    )


def _borrowed(outsider: outsiders.Outsider) -> Sighting:
    name, place = type(outsider.module).__name__, outsider.place
    used = f"A {name} is used that belongs to none of the model's modules, so that {_REACH} it."
    made = f"A {name} is made inside a forward and always new: it starts in train mode, and eval() does not "
    return Sighting(
        layer="graph",
        place=place,
        message=used if outsider.lasting else f"{made}reach it.",
        evidence=(Quote(place, "called here"),) if place.span else (),
        # It may be registered in a larger model, of which this one is a part.
        strength="slight" if outsider.lasting else "usual",
    )
