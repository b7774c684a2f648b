"""Modules that a forward uses and the model does not own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Quote, Sighting, Unanswerable
from evalcheck.graph import HiddenModule, ModelGraph, places
from evalcheck.graph.kinds import kind_of

_REACH = "eval(), train(), to(), parameters() and state_dict() do not reach them"


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per container that keeps such modules, one per line that makes them in a forward."""
    kept: dict[tuple[str, str], list[HiddenModule]] = {}
    for hidden in graph.hidden:
        # Frozen and in eval mode, or put past registration by hand: hidden on purpose.
        if (
            hidden.keeper != "attribute"
            and hidden.stateful
            and not hidden.frozen
            and _used(graph, hidden.path)
        ):
            kept.setdefault((hidden.owner, hidden.attribute), []).append(hidden)
    seen = [*(_kept(graph, group) for group in kept.values()), *_unowned(graph)]
    yield from seen
    partial = any(trace is not None and not trace.complete for trace in (graph.train, graph.eval))
    if partial and not seen and any(hidden.stateful and not hidden.frozen for hidden in graph.hidden):
        reason = next(iter(graph.refusals.values()), "it is too long to be recorded")
        raise Unanswerable(f"the forward stopped before it used the modules that are hidden: {reason}")


def _kept(graph: ModelGraph, group: list[HiddenModule]) -> Sighting:
    first = group[0]
    span = places.kept(graph.modules[first.owner].module, first.attribute)
    running = [c for hidden in group if graph.eval for c in graph.eval.calls_below(hidden.path)]
    awake = any(call.training for call in running)
    thing = f"in a {first.keeper}" if first.keeper != "closure" else "in a closure"
    count = f"{len(group)} modules are" if len(group) > 1 else f"A {type(first.module).__name__} is"
    consequence = " They stayed in train mode while the model was in eval mode." if awake else ""
    quotes = [
        Quote(Place(span, first.path), "kept here, where registration does not look"),
        *(Quote(Place(call.span, call.path), "and used here") for call in running[:1]),
    ]
    return Sighting(
        layer="graph",
        place=Place(span, first.path),
        message=f"{count} kept {thing} ({first.attribute!r}), so that {_REACH}.{consequence}",
        evidence=tuple(quote for quote in quotes if quote.place.span),
        others=tuple(Place(span, hidden.path) for hidden in group[1:]),
        strength="usual" if graph.train or graph.eval else "slight",
    )


def _unowned(graph: ModelGraph) -> Iterator[Sighting]:
    """Modules that are made in a forward, or come from a global variable or a foreign object."""
    if graph.eval is None:
        return
    before = graph.train.inline if graph.train else {}
    for path, module in graph.eval.inline.items():
        kinds = {kind_of(m) for m in module.modules() if m.training and getattr(m, "p", None) != 0}
        if not kinds & {"dropout", "batchnorm"} and not any(p.requires_grad for p in module.parameters()):
            continue
        name, place = type(module).__name__, Place(graph.eval.calls(path)[0].span, path)
        if lasting := before.get(path) is module:
            message = f"A {name} is used that belongs to none of the model's modules, so that {_REACH}."
        else:
            message = (
                f"A {name} is made inside a forward and always new: it starts in train mode, and eval() "
                "does not reach it."
            )
        yield Sighting(
            layer="graph",
            place=place,
            message=message.replace("reach them", "reach it"),
            evidence=(Quote(place, "called here"),) if place.span else (),
            # It may be registered in a larger model, of which this one is a part.
            strength="slight" if lasting else "usual",
        )


def _used(graph: ModelGraph, path: str) -> bool:
    traces = [trace for trace in (graph.train, graph.eval) if trace is not None]
    return not traces or any(trace.calls_below(path) for trace in traces)
