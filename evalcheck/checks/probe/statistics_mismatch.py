"""Running statistics are not those of the training data under today's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from evalcheck.finding import Place, Sighting, Table
from evalcheck.measurement import LayerReading
from evalcheck.probe import Trial, effect
from evalcheck.probe.effect import Effect
from evalcheck.probe.statistics import blame, domains

HEADERS = ("module", "divergence (KL)", "share of the shift")


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for norms that were never updated, whose own rule takes it over, one for all others."""
    if not trial.has_norms:
        return
    trial.require_training()
    found = effect.of_step(trial, "stale")
    if found is None or found.size <= options["output"]:
        return
    told = blame.mismatched(trial, options["layer"], options["output"] / found.size)
    yield from (_sighting(trial, found, wrong, options) for wrong in told)
    if told or found.size <= 2 * options["output"] or not found.costs(options["harm"]):
        return
    # Many norms a little off: a finite sample leaves less, unless inputs unlike those of training magnify it.
    unlike = effect.of_step(trial, "domain")
    if unlike is None or unlike.size <= found.size:
        for wrong in blame.spread_out(trial):
            yield replace(_sighting(trial, found, wrong, options), strength="slight")


def _sighting(trial: Trial, found: Effect, wrong: list[LayerReading], options: Mapping[str, Any]) -> Sighting:
    wrong = sorted(wrong, key=lambda reading: -(reading.share or 0.0))
    names = ", ".join(repr(reading.module) for reading in wrong[:3])
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    share, strength = blame.part(trial, wrong), found.strength(options["harm"])
    follows = strength == "usual" and effect.of_order(trial, options["order"])
    part = f" ({share:.0%} of that by {'this norm' if len(wrong) == 1 else 'these'})" if share < 0.995 else ""
    rows = tuple((r.module, f"{r.stale:.3g}", f"{r.share or 0.0:.0%}") for r in wrong[:8])
    return Sighting(
        "probe",
        Place(module=wrong[0].module),
        f"The running statistics of {names}{more} are not those of {trial.fed_by} under today's weights; "
        f"right ones move the eval output {found.told(options['harm'])}{part}"
        f"{_scaling(trial, wrong, options['scaled'])}.",
        evidence=(found.measure(options["output"]), Table("Statistics against the data's", HEADERS, rows)),
        others=tuple(Place(module=reading.module) for reading in wrong[1:]),
        strength="slight" if follows else strength,
    )


def _scaling(trial: Trial, wrong: list[LayerReading], limit: float) -> str:
    suspect = None if trial.foreign else domains.unscaled(trial.population, trial.layers, limit)
    either = "; or the input is not scaled as in training: the training loader would tell these two apart"
    return either if suspect in wrong else ""
