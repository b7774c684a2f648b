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
    if not drew or trial.dependence.repetition(options["tolerance"]).size > options["tolerance"]:
        return
    modules = state.drawn_in
    where = f"module {modules[0]!r} draws" if modules and modules[0] else "the model draws"
    more = f" ({len(modules) - 1} others too)" if len(modules) > 1 else ""
    whose = " and ".join(f"{name}'s" for name in drew)
    yield Sighting(
        "probe",
        Place(module=modules[0] if modules else ""),
        f"In eval mode {where} from {whose} global generator{more}, without an effect on the output: after "
        "an evaluation training goes on with other random numbers than without one.",
        others=tuple(Place(module=path) for path in modules[1:]),
    )
