"""A forward writes the settings of a norm: seen as it runs, and whether it matters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Table, Unanswerable
from evalcheck.probe import Trial
from evalcheck.probe.places import span_of
from evalcheck.probe.writes import Write


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    names = {id(module): path for path, module in trial.model.named_modules()}
    lines: dict[tuple[str, int, str], dict[str, list[Write]]] = defaultdict(lambda: {"train": [], "eval": []})
    for mode, seen in trial.writes.items():
        for write in seen:
            if write.module in names:
                lines[write.path, write.line, write.attribute][mode].append(write)
    for (path, line, attribute), by_mode in lines.items():
        paths = list(dict.fromkeys(names[w.module] for w in by_mode["train"] + by_mode["eval"]))
        values = {mode: {w.value for w in seen} for mode, seen in by_mode.items()}
        told, strength, evidence = _effect(trial, paths, options["harmless"])
        span = span_of(path, line)
        yield Sighting(
            "probe",
            Place(span, paths[0]),
            f"Forward sets {attribute} of {len(paths)} norm{'s' if len(paths) > 1 else ''} to "
            f"{_shown(values['train'])} in train mode and {_shown(values['eval'])} in eval mode; {told}.",
            evidence=(Table("Written in forward", ("module",), tuple((p,) for p in paths[:8])), *evidence),
            others=tuple(Place(span, other) for other in paths[1:]),
            strength=strength,
        )


def _effect(trial: Trial, paths: list[str], harmless: float) -> tuple[str, Any, tuple[Measure, ...]]:
    """Eval mode uses no momentum: a written one harms through the statistics that training left."""
    try:
        trial.require_training()
    except Unanswerable as reason:
        return f"its effect was not measured ({reason})", "usual", ()
    stale = [reading.stale for reading in trial.layers if reading.module in paths]
    if not stale:
        return "its effect was not measured", "usual", ()
    measure = Measure("running statistics against those of the data", max(stale), "KL", harmless)
    if max(stale) <= harmless:
        return (
            "no effect on these batches: the running statistics are where training takes them",
            "cleared",
            (measure,),
        )
    return "and the running statistics are not those of the data", "usual", (measure,)


def _shown(values: set[object]) -> str:
    return " or ".join(sorted(map(str, values))) or "nothing"
