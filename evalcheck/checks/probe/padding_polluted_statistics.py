"""Padding enters the statistics of a norm over sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Sighting, Table
from evalcheck.measurement import of
from evalcheck.probe import Trial, effect
from evalcheck.probe.statistics import padded
from evalcheck.probe.statistics.moments import symmetric_kl


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    if not trial.has_norms:
        return
    found = padded.measured(trial.passes, trial.feed)
    if found is None or not found.valid:
        return
    trial.require_training()
    apart = {
        path: float(symmetric_kl(found.whole[path], valid, trial.norms[path].eps).mean())
        for path, valid in found.valid.items()
    }
    wrong = sorted((path for path in apart if apart[path] > options["layer"]), key=lambda path: -apart[path])
    if not wrong:
        return
    runs = [trial.population.on({p: table[p] for p in wrong}) for table in (found.whole, found.valid)]
    moved = effect.between(trial, *runs)
    if moved.size <= options["output"]:
        return
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    yield Sighting(
        "probe",
        Place(module=wrong[0]),
        f"{found.share:.0%} of the positions are padding by {found.told_by!r}, and norm {wrong[0]!r}{more} "
        "counts them in its statistics; without them the eval output moves by "
        f"{of(moved.size, 'its variance')}. "
        "How much padding a batch has decides how its data are normalised.",
        evidence=(
            moved.measure(options["output"]),
            Table(
                "Statistics with padding against those without",
                ("module", "divergence (KL)"),
                tuple((path, f"{apart[path]:.3g}") for path in wrong[:8]),
            ),
        ),
        others=tuple(Place(module=path) for path in wrong[1:]),
    )
