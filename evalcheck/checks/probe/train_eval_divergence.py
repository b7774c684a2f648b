"""Eval mode is worse than train mode by more than noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting
from evalcheck.measurement import Score, of
from evalcheck.probe import Trial
from evalcheck.probe.running.budget import affordable

VARIANCE = "the output's variance"


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    trial.require_training()
    divergence, judge = trial.divergence, trial.judge
    # With targets harm decides, and the distance only has to be there; without, it must be large.
    least = max(divergence.limit, options["divergence" if judge is None else "noticeable"])
    harmless = judge is not None and not judge.hurts(options["harm"])
    apart = affordable(lambda: trial.unexplained, 0.0) > max(divergence.limit, options["divergence"])
    if divergence.total <= least or (harmless and not apart):
        return
    measures = [
        Measure(
            "distance of eval mode from train mode",
            divergence.total,
            "of the output's variance",
            least,
            divergence.interval,
            divergence.passes,
        ),
        *(Measure(f"{s.name} lost in eval mode", s.harm, trials=s.samples) for s in trial.scores),
    ]
    known = affordable(lambda: trial.causes(options), None)
    causes = [cause for cause in known or () if cause.material]
    because = f"; the largest cause is {causes[0].placed}" if causes else ""
    if known is None:
        because = "; what causes it was not asked, because the budget was spent"
    elif apart and not causes:
        because = "; no batch norm causes it: look for a module that asks self.training"
    yield Sighting(
        "probe",
        Place(),
        f"{_said(() if harmless else trial.scores, divergence.total)}{because}.",
        evidence=tuple(measures),
        # Modes that differ by what no norm explains are told, also where the score does not suffer.
        strength="slight" if harmless else "grave" if divergence.total > options["large"] else "usual",
    )


def _said(scores: tuple[Score, ...], distance: float) -> str:
    if not scores:
        return f"Eval mode and train mode differ by {of(distance, VARIANCE)}"
    score = scores[0]
    form = ".1%" if score.name == "accuracy" else ".3g"
    there = score.reference if score.harm >= score.harm_against_train else score.train
    figures = f"{format(score.eval, form)} for {format(there, form)}"
    return f"Eval mode is worse than train mode: {score.name} {figures}"
