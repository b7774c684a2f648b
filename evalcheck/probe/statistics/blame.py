"""Whose fault wrong running statistics are: each norm is given to one fault, the most specific first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalcheck.measurement import LayerReading
from evalcheck.probe.statistics import residual
from evalcheck.probe.trial import Trial

# KL divergence from which statistics are wrong; healthy norms stay below 0.005.
WRONG = 0.01
# A start that weighs less is no reason for what is seen.
WEIGHS = 0.01
# Of what all norms make together.
NOTABLE = 0.05


@dataclass(frozen=True)
class Blame:
    """Norms with wrong statistics, the wrongest first, by the reason.

    ``untouched``: exactly mean 0 and variance 1, whatever the reason. ``underconverged``: still mixed with
    these. ``averaged``: others inside a copy with averaged weights. ``outdated``: anything else.
    """

    untouched: tuple[LayerReading, ...]
    underconverged: tuple[LayerReading, ...]
    averaged: tuple[LayerReading, ...]
    outdated: tuple[LayerReading, ...]


def of(trial: Trial) -> Blame:
    """Each norm's first reason in the order of the fields."""
    copies = averaged_copies(trial)
    found: dict[str, list[LayerReading]] = {}
    for reading in sorted(trial.layers, key=lambda r: -r.stale):
        if reading.stale > WRONG:
            found.setdefault(_reason(trial, reading, copies), []).append(reading)
    kinds = ("untouched", "underconverged", "averaged", "outdated")
    return Blame(*(tuple(found.get(kind, ())) for kind in kinds))


def part(trial: Trial, wrong: Sequence[LayerReading]) -> float:
    """These norms' part of what stale statistics do to the output; 1 where that was not attributed."""
    if not trial.population.mended.stale:
        return 1.0
    known = [reading.share for reading in wrong if reading.share is not None]
    return sum(known) if known else 1.0


def mismatched(trial: Trial, layer: float, least: float) -> list[list[LayerReading]]:
    """Norms that were never updated, and those that no other reason has: a group each, where it matters.

    ``layer`` is the KL divergence from which a norm counts, ``least`` the part of the shift that a group has.
    """
    blamed = of(trial)
    groups = ([r for r in wrong if r.stale > layer] for wrong in (blamed.untouched, blamed.outdated))
    return [group for group in groups if group and part(trial, group) > least]


def spread_out(trial: Trial) -> list[list[LayerReading]]:
    """Norms by their share where none has a reason of its own: many that are little off do much together."""
    blamed = of(trial)
    if blamed.underconverged or blamed.averaged:
        return []
    found = [reading for reading in trial.layers if (reading.share or 0.0) > NOTABLE]
    return [sorted(found, key=lambda r: -(r.share or 0.0))] if found else []


def averaged_copies(trial: Trial) -> tuple[str, ...]:
    """The paths of torch's ``AveragedModel`` and timm's ``ModelEma`` that have averaged at least once."""
    return tuple(
        path
        for path, module in trial.model.named_modules()
        if type(module).__name__ == "AveragedModel" or type(module).__name__.startswith("ModelEma")
        if int(getattr(module, "n_averaged", 1)) > 0
    )


def _reason(trial: Trial, reading: LayerReading, copies: tuple[str, ...]) -> str:
    inside = any(not copy or reading.module.startswith(f"{copy}.") for copy in copies)
    if residual.at_start(trial.norms[reading.module]):
        return "untouched"
    weight, unexplained = reading.residual or 0.0, reading.unexplained
    if weight > WEIGHS and unexplained is not None and unexplained < residual.EXPLAINED:
        return "underconverged"
    return "averaged" if inside else "outdated"
