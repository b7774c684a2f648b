"""The user's own line for a fault in a module of an installed library: that one can be changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from evalcheck import graph
from evalcheck.checkup import own_code
from evalcheck.finding import Finding, Place, Quote, Sighting, Span

ROLE = "the line in the library"


def shown(findings: Iterable[Finding], view: graph.ModelGraph) -> tuple[Finding, ...]:
    """The findings, each line of an installed package exchanged for the user's line that holds the module.

    Where no line of the user is known (the whole model is a library's) the module's name stands alone. The
    library's line is quoted beside it.
    """
    return tuple(
        replace(finding, sightings=tuple(_shown(sighting, view) for sighting in finding.sightings))
        for finding in findings
    )


def _shown(sighting: Sighting, view: graph.ModelGraph) -> Sighting:
    if not any(_is_foreign(place) for place in sighting.places):
        return sighting
    quotes = (Quote(sighting.place, ROLE),) if _is_foreign(sighting.place) else ()
    return replace(
        sighting,
        place=_own(sighting.place, view),
        others=tuple(_own(place, view) for place in sighting.others),
        evidence=(*sighting.evidence, *quotes),
    )


def _is_foreign(place: Place) -> bool:
    """Whether it can be told by a line that is not the user's; a module without a line is nobody's."""
    return place.module is not None and place.span is not None and own_code.is_installed(place.span.path)


def _own(place: Place, view: graph.ModelGraph) -> Place:
    return Place(_holder(place.module or "", view), place.module) if _is_foreign(place) else place


def _holder(path: str, view: graph.ModelGraph) -> Span | None:
    """The user's line that built the module, or the nearest module around it that a line of theirs built."""
    while path:
        span = view.built(path)
        if span is not None and not own_code.is_installed(span.path):
            return span
        path = path.rpartition(".")[0]
    return None
