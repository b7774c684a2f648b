"""An eval forward draws from the generators that training goes on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Sighting
from evalcheck.probe import Trial


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Silent where the draws change the output: that is the greater fault, and has its own rule."""
    state = trial.state
    drew = state.evaluated.drew
    if not drew:
        return
    seen = trial.dependence.repetition(options["tolerance"])
    if seen.size > options["tolerance"]:
        return
    modules = state.drawn_in
    more = f" (and {len(modules) - 1} more)" if len(modules) > 1 else ""
    where = f"module {modules[0]!r}{more} draws" if modules and modules[0] else f"the model{more} draws"
    whose = " and ".join(f"{name}'s" for name in drew)
    yield Sighting(
        "probe",
        Place(module=modules[0] if modules else ""),
        f"In eval mode {where} from {whose} global generator: after an evaluation training goes on "
        "with other random numbers than without one. No effect on the output was seen in "
        f"{seen.samples} sample{'s' if seen.samples != 1 else ''}.",
        others=tuple(Place(module=path) for path in modules[1:]),
    )
