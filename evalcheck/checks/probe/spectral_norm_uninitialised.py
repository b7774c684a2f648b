"""Spectral norms whose stored vectors do not fit the weight, and what that does to the eval output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from evalcheck.finding import Measure, Place, Sighting, Table
from evalcheck.guard import untouched
from evalcheck.measurement import of
from evalcheck.probe import Trial
from evalcheck.probe.effect import Effect, between
from evalcheck.probe.running import modes
from evalcheck.probe.statistics import spectral_shift


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    limit = 1 + float(options["tolerance"])
    with untouched(trial.model, parameters=False), torch.no_grad():
        modes.evaluating(trial.model)
        found = spectral_shift.sigmas(trial.model)
    off = sorted((path for path, sigma in found.items() if not 1 / limit <= sigma <= limit), key=_by(found))
    if not off:
        return
    trial.require_training()
    run = trial.passes.rows(trial.held, spectral_shift.mode(trial.model, modes.evaluating))
    effect = between(trial, trial.evaluated, run)
    # What moves the output little is harmless; what moves it much is an error, whatever a score says.
    if effect.size <= options["output"]:
        return
    yield _sighting(off, found, effect, options)


def _by(found: Mapping[str, float]) -> Any:
    return lambda path: -max(found[path], 1 / max(found[path], 1e-12))


def _sighting(
    off: list[str], found: Mapping[str, float], effect: Effect, options: Mapping[str, Any]
) -> Sighting:
    first, far = off[0], float(options["far"])
    more = f" and {len(off) - 1} more" if len(off) > 1 else ""
    rows = tuple((path, f"{found[path]:.3g}") for path in off[:8])
    return Sighting(
        "probe",
        Place(module=first),
        f"The spectral norm of {first!r}{more} does not hold in eval mode: the largest singular value is "
        f"{found[first]:.3g} instead of 1. Iterated until they fit, the vectors move the eval output by "
        f"{of(effect.size, 'its variance')}.",
        evidence=(
            Measure("largest singular value in eval mode", found[first], limit=1 + options["tolerance"]),
            effect.measure(options["output"]),
            Table("Weights under spectral norm", ("module", "largest singular value"), rows),
        ),
        others=tuple(Place(module=path) for path in off[1:]),
        strength="usual" if not 1 / far <= found[first] <= far else "slight",
    )
