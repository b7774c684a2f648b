"""Eval mode is worse than train mode by more than noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import EFFECT, Measure, Place, Sighting
from evalcheck.measurement import Divergence, of
from evalcheck.probe import Trial
from evalcheck.probe.running.budget import affordable

VARIANCE, DISTANCE = "the output's variance", "distance of eval mode from train mode"
UNKNOWN = "; neither a batch norm nor a module that asks self.training was found to cause it"
UNASKED = "; what causes it was not asked, because the budget was spent"


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    trial.require_training()
    divergence, judge = trial.divergence, trial.judge
    large = divergence.total > options["large"] or any(s.is_heavy for s in trial.scores)
    # With targets harm decides, and the distance only has to be there; without, it must be large.
    least = max(divergence.limit, options["divergence"] if judge is None else 0.0)
    harmless = judge is not None and not judge.hurts(options["harm"])
    apart = affordable(lambda: trial.unexplained, 0.0) > max(divergence.limit, options["divergence"])
    if divergence.total <= least or (harmless and not apart):
        return
    known = affordable(lambda: trial.causes(options), None)
    main = next((c for c in known or () if c.material), None)
    unknown = f"; {trial.unseen}" if trial.unseen else UNKNOWN if apart else ""
    because = UNASKED if known is None else unknown
    because = f"; the largest cause is {main.placed}" if main is not None else because
    # Nothing explains it and the outputs are close: a split that lies badly does as much.
    small = main is None and not apart and divergence.total < options["divergence"]
    yield Sighting(
        "probe",
        Place(),
        f"{_said(trial, harmless)}{because}.",
        evidence=(_distance(divergence, least), *_lost(trial)),
        # What no norm explains is told, also where the score does not suffer.
        strength="slight" if harmless or small else "grave" if large else "usual",
    )


def _distance(found: Divergence, least: float) -> Measure:
    return Measure(DISTANCE, found.total, EFFECT, least, found.interval, found.passes)


def _lost(trial: Trial) -> list[Measure]:
    name = trial.called
    return [Measure(f"{name(s.name)} lost in eval mode", s.harm, trials=s.samples) for s in trial.scores]


def _said(trial: Trial, harmless: bool) -> str:
    if harmless or not trial.scores:
        return f"Eval mode and train mode differ by {of(trial.divergence.total, VARIANCE)}"
    score, form = trial.scores[0], ".1%" if trial.scores[0].name == "accuracy" else ".3g"
    there = score.reference if score.harm >= score.harm_against_train else score.train
    name = trial.called(score.name)
    return f"Eval mode is worse than train mode: {name} {score.eval:{form}} for {there:{form}}"
