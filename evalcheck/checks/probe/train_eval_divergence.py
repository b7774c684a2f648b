"""Eval mode is worse than train mode by more than noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalcheck.finding import Measure, Place, Sighting
from evalcheck.measurement import Divergence, Score, of
from evalcheck.probe import Trial
from evalcheck.probe.running.budget import affordable

VARIANCE = "the output's variance"
UNKNOWN = "; neither a batch norm nor a module that asks self.training was found to cause it"
UNASKED = "; what causes it was not asked, because the budget was spent"


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    trial.require_training()
    divergence, judge = trial.divergence, trial.judge
    # With targets harm decides, and the distance only has to be there; without, it must be large.
    least = max(divergence.limit, options["divergence"] if judge is None else 0.0)
    harmless = judge is not None and not judge.hurts(options["harm"])
    apart = affordable(lambda: trial.unexplained, 0.0) > max(divergence.limit, options["divergence"])
    if divergence.total <= least or (harmless and not apart):
        return
    known = affordable(lambda: trial.causes(options), None)
    main = next((cause for cause in known or () if cause.material), None)
    unknown = f"; {trial.unseen}" if trial.unseen else UNKNOWN if apart else ""
    because = UNASKED if known is None else unknown
    because = f"; the largest cause is {main.placed}" if main is not None else because
    # Nothing explains it and the outputs are close: a split that lies badly does as much.
    small = main is None and not apart and divergence.total < options["divergence"]
    large = divergence.total > options["large"]
    yield Sighting(
        "probe",
        Place(),
        f"{_said(() if harmless else trial.scores, divergence.total)}{because}.",
        evidence=(
            _distance(divergence, least),
            *(Measure(f"{s.name} lost in eval mode", s.harm, trials=s.samples) for s in trial.scores),
        ),
        # Modes that differ by what no norm explains are told, also where the score does not suffer.
        strength="slight" if harmless or small else "grave" if large else "usual",
    )


def _distance(divergence: Divergence, least: float) -> Measure:
    what, unit = "distance of eval mode from train mode", "of the output's variance"
    return Measure(what, divergence.total, unit, least, divergence.interval, divergence.passes)


def _said(scores: Sequence[Score], total: float) -> str:
    if not scores:
        return f"Eval mode and train mode differ by {of(total, VARIANCE)}"
    score, form = scores[0], ".1%" if scores[0].name == "accuracy" else ".3g"
    there = score.reference if score.harm >= score.harm_against_train else score.train
    return f"Eval mode is worse than train mode: {score.name} {score.eval:{form}} for {there:{form}}"
