"""What inputs that were prepared otherwise than in training cost, measured on the model itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evalcheck.finding import EFFECT, Measure, Sighting, Strength
from evalcheck.measurement import of
from evalcheck.probe import Trial, effect
from evalcheck.probe.effect import Effect
from evalcheck.probe.running import modes
from evalcheck.probe.running.budget import affordable
from evalcheck.probe.statistics import preparation


def measured(trial: Trial, sightings: Sequence[Sighting], options: Mapping[str, Any]) -> list[Sighting]:
    """The same sightings with what eval mode does on inputs of training's mean and spread.

    Cleared where it does nothing, or costs nothing: the first samples of a loader may be of few kinds, and
    what only training gets may be meant. None where the pools' inputs cannot be brought together.
    """
    found = affordable(lambda: _effect(trial), None) if trial.foreign else None
    if found is None:
        return []
    limit = float(options["domain"])
    told = f"no effect on these batches ({of(found.size, EFFECT.removeprefix('of '))})"
    if found.size > limit:
        told = f"that moves the eval output {found.told(options['harm'])}"
    measure = Measure(
        "shift of the eval output from inputs prepared as in training", found.size, EFFECT, limit
    )
    return [
        replace(
            sighting,
            layer="probe",
            message=f"{sighting.message} Measured: {told}.",
            evidence=(measure,),
            strength=_strength(found, options, sighting.strength),
        )
        for sighting in sightings
    ]


def _effect(trial: Trial) -> Effect | None:
    """Of eval mode on the held samples, as they are and as training would have prepared them."""
    alike = preparation.alike(trial.held, trial.feed)
    if alike is None:
        return None
    if alike is trial.held:
        return Effect(0.0, trial.judge)
    return effect.between(trial, trial.evaluated, trial.passes.rows(alike, modes.evaluating))


def _strength(found: Effect, options: Mapping[str, Any], suspected: Strength) -> Strength:
    """Without targets a moved output leaves what the loaders said; with them, cost decides."""
    if found.size <= options["domain"]:
        return "cleared"
    return suspected if found.gain is None else found.strength(options["harm"], options["large"])
