"""Norms whose running statistics move twice with one batch in one training step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Sighting, Table
from evalcheck.probe import Trial
from evalcheck.probe.state.updates import Update

REASONS = {
    "backward": "once in the forward, and again when the backward pass recomputes it",
    "forward": "the forward runs it twice on the same input",
}


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for recomputation, one for a part that a forward runs twice."""
    if not trial.has_norms:
        return
    for reason, told in REASONS.items():
        found = [update for update in trial.state.updates if update.again == reason]
        if found:
            yield _sighting(found, told)


def _sighting(found: list[Update], told: str) -> Sighting:
    names = ", ".join(repr(update.path) for update in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    corrected = all(update.corrected for update in found)
    first = found[0]
    if first.momentum is None or first.effective is None:
        effect = "they average as if there were half as many batches"
    elif corrected:
        effect = f"momentum {first.momentum:.3g} is set so that this makes {first.effective:.3g}"
    else:
        effect = f"momentum {first.momentum:.3g} acts as {first.effective:.3g}"
    rows = tuple(
        (u.path, *("" if v is None else f"{v:.3g}" for v in (u.momentum, u.effective))) for u in found[:8]
    )
    return Sighting(
        "probe",
        Place(module=first.path),
        f"The running statistics of {names}{more} move twice in one training step, {told}; {effect}.",
        evidence=(Table("Statistics that move twice", ("module", "momentum", "acts as"), rows),),
        others=tuple(Place(module=update.path) for update in found[1:]),
        strength="cleared" if corrected else "usual" if first.again == "backward" else "slight",
    )
