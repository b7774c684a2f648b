"""A forward writes the settings of a norm: seen as it runs, and whether it matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table, Unanswerable
from evalcheck.graph.writes import Written
from evalcheck.probe import Trial
from evalcheck.probe.running.places import span_of


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for each line that writes, with the values that it writes in both modes."""
    for written in trial.writes:
        told, strength, evidence = _effect(trial, written, options["harmless"])
        span, paths = span_of(written.path, written.line), written.modules
        norms = f"{len(paths)} norm{'s' if len(paths) > 1 else ''}"
        yield Sighting(
            "probe",
            Place(span, paths[0]),
            f"Forward sets {written.attribute} of {norms} to {written.in_train} in train mode and "
            f"{written.in_eval} in eval mode; {told}.",
            evidence=(Table("Written in forward", ("module",), tuple((p,) for p in paths[:8])), *evidence),
            others=tuple(Place(span, other) for other in paths[1:]),
            strength=strength,
        )


def _effect(trial: Trial, written: Written, harmless: float) -> tuple[str, Any, tuple[Measure, ...]]:
    """Eval mode uses no momentum: a written one harms through the statistics that training left.

    What eval mode does use (eps, the statistics themselves) is not cleared by looking at those.
    """
    if written.attribute != "momentum":
        return "what that does to the output was not measured", "usual", ()
    try:
        trial.require_training()
        stale = [reading.stale for reading in trial.layers if reading.module in written.modules]
    except Unanswerable as reason:
        return f"its effect was not measured ({reason})", "usual", ()
    if not stale:
        return "its effect was not measured", "usual", ()
    measure = Measure("running statistics against those of the data", max(stale), "KL", harmless)
    if max(stale) <= harmless:
        told = "no effect on these batches: the running statistics are where training takes them"
        return told, "cleared", (measure,)
    return "and the running statistics are not those of the data", "usual", (measure,)
