"""After a forward some module is not in the mode that it was put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck import intent
from evalcheck.finding import Place, Sighting, Strength, Table, Unanswerable
from evalcheck.probe import Trial
from evalcheck.probe.state.state import State
from evalcheck.probe.state.switched import Switched


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for what an eval forward wakes, one for what a train forward puts to sleep."""
    state = trial.state
    if awake := state.left_awake:
        yield _sighting(state, awake, "eval", "train")
    try:
        asleep = state.left_asleep
    except Unanswerable:
        if awake:
            return  # What was seen counts more than what could not be asked.
        raise
    if asleep:
        yield _sighting(state, asleep, "train", "eval")


def _sighting(state: State, found: Switched, here: str, there: str) -> Sighting:
    lines = state.switching(here == "train")
    # All that is in the wrong mode: what goes wrong in one of these is this fault's doing.
    paths = dict.fromkeys((*found.tops, *found.effects))
    place, *others = (Place(lines.get((path, "training")), path) for path in paths)
    names = ", ".join(repr(path) if path else "the model itself" for path in found.tops[:3])
    more = f" and {len(found.tops) - 3} more" if len(found.tops) > 3 else ""
    told = "no part of it depends on the mode"
    if found.effects:
        told = "what was set from outside is lost for this forward and the next"
    rows = tuple((path, found.effects.get(path, "")) for path in [*(found.effects or found.paths)][:8])
    return Sighting(
        "probe",
        place,
        f"A forward in {here} mode leaves {names}{more} in {there} mode: {told}.",
        evidence=(
            Table(f"In {there} mode after a forward in {here} mode", ("module", "in train mode it"), rows),
        ),
        others=tuple(others),
        strength=_strength(state, found),
    )


def _strength(state: State, found: Switched) -> Strength:
    """Milder where names tell of a dropout, or say that it is meant: Monte Carlo dropout is done so."""
    if not found.effects:
        return "cleared"
    kinds = (type(state.setup.modules[path]).__name__ for path in found.tops)
    meant = any(map(intent.declared_by_name, kinds)) or any("drop" in path.lower() for path in found.tops)
    return "slight" if meant else "usual"
