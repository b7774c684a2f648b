"""What happens to the output when ``model.train()`` wakes modules that were put in eval mode on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Strength, Table
from evalcheck.graph.state.effects import effect
from evalcheck.probe import Trial


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Measured with everything else in eval mode: nothing but these modules differs."""
    trial.require_data()
    woken = trial.state.woken
    if woken is None:
        return
    views, size = woken.views, woken.size
    count = (
        f"{len(views)} modules ({views[0].path!r} is the first)"
        if len(views) > 1
        else f"Module {views[0].path!r}"
    )
    whose = "its running statistics" if len(views) == 1 else f"the running statistics of {len(woken.moved)}"
    moved = f", and {whose} move" if woken.moved else ""
    harmless = size <= options["tolerance"] and not woken.moved
    norms = any(view.kind in ("batchnorm", "instancenorm") for view in views)
    strength: Strength = "cleared" if harmless else "usual" if norms else "slight"
    was, them = ("were", "them") if len(views) > 1 else ("was", "it")
    told = (
        f"that alone changes the output by {size:.1%}{moved}"
        if not harmless
        else "no effect on these batches"
    )
    yield Sighting(
        "probe",
        Place(module=views[0].path),
        f"{count} {was} put in eval mode while the model trains, and model.train() wakes {them}: {told}.",
        evidence=(
            Measure("difference that waking makes", size, "of the output", options["tolerance"]),
            Table(
                "In eval mode as given, in train mode after model.train()",
                ("module", "in train mode it"),
                tuple((view.path, effect(view.module) or "") for view in views[:8]),
            ),
        ),
        others=tuple(Place(module=view.path) for view in views[1:]),
        strength=strength,
    )
