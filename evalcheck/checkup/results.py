"""Turns what the trial measured into the report's figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evalcheck import graph, rulebook
from evalcheck.checkup import naming, treating
from evalcheck.engine import Answers
from evalcheck.finding import Finding, Place, Quote, Unanswerable
from evalcheck.measurement import Attempt, Cause, Conditions, Measurements
from evalcheck.probe import Trial
from evalcheck.probe.judging import left_out
from evalcheck.probe.running.budget import affordable
from evalcheck.settings import Settings


def drawn(answers: Answers, view: graph.ModelGraph) -> None:
    """Show with noise that nothing explains where the numbers are drawn, as far as they were traced."""
    if view.eval is None:
        return
    nodes = [n for n in view.eval.graph.nodes if n.meta.get("rng") and n.meta.get("span") is not None]
    places = {n.meta["span"]: Place(n.meta["span"], n.meta["module"]) for n in nodes}
    quotes = tuple(Quote(place, "numbers are drawn") for place in list(places.values())[:3])
    for rule, seen in answers.sightings.items():
        if rule.explained_by and rule.family == "noise":
            seen[:] = [replace(sighting, evidence=(*quotes, *sighting.evidence)) for sighting in seen]


def locate(answers: Answers, view: graph.ModelGraph) -> None:
    """Give the probe's modules the lines that built them."""

    def at(place: Place) -> Place:
        return view.place(place.module) if place.module in view.modules and place.span is None else place

    for seen in answers.sightings.values():
        seen[:] = [replace(s, place=at(s.place), others=tuple(map(at, s.others))) for s in seen]


def measured(
    trial: Trial, findings: tuple[Finding, ...], settings: Settings
) -> tuple[tuple[Finding, ...], Measurements]:
    """The findings with what their remedies did, and every figure that was taken."""
    findings, attempts = treating.treated(trial, findings, settings)
    figures = _measurements(trial, settings, attempts)
    return naming.findings(trial, findings), naming.figures(trial, figures)


def remarks(trial: Trial) -> list[str]:
    """What the user should know about how it was judged."""
    if trial.run.budget.refused:
        return [
            "the budget was spent: what was measured until then is shown, and no further remedy was tried"
        ]
    if not treating.is_compared(trial):
        return []
    uncounted = _uncounted(trial)
    if uncounted:
        return uncounted
    targets = any(batch.targets is not None for batch in trial.held.batches)
    if targets and not trial.scores:
        return ["the targets could not be held against the output, so no loss was judged: pass a metric"]
    if any(score.higher_is_better is None for score in trial.scores):
        name = trial.called("metric")
        whose = "the metric" if name == "metric" else f"the metric {name.removeprefix('metric ')}"
        return [f"{whose} has no attribute higher_is_better, so it is shown and judges nothing"]
    return []


def _uncounted(trial: Trial) -> list[str]:
    """Which targets were left out because they are no class of the output."""
    classes = trial.evaluated.classes
    odd = left_out.of(trial.held.grouped(), classes.shape[2]) if classes is not None else None
    if odd is None or classes is None:
        return []
    labels = ", ".join(map(str, odd.labels[:3])) + (" and others" if len(odd.labels) > 3 else "")
    count = classes.shape[2]
    told = f"{odd.share:.1%} of the targets are {labels}, which is none of the output's {count} classes"
    if odd.meant:
        return [f"{told}: they were left out of loss and accuracy"] if trial.scores else []
    return [] if trial.scores else [f"{told}, so no loss was judged: pass a metric, or targets from 0 on"]


def _is_apart(trial: Trial) -> bool:
    """Whether the modes' distance is known; its causes may have fallen to the budget."""
    try:
        trial.require_training()
        _ = trial.divergence, trial.scores, affordable(lambda: trial.steps, None)
    except Unanswerable:
        return False
    return True


def _causes(trial: Trial, thresholds: Mapping[str, Any]) -> tuple[Cause, ...]:
    """The causes of a model whose modes cannot be compared: its own noise, if that is why."""
    try:
        trial.require_training()
        return trial.causes(thresholds)
    except Unanswerable:
        return ()


def _measurements(trial: Trial, settings: Settings, attempts: tuple[Attempt, ...]) -> Measurements:
    conditions = Conditions(
        device="",
        samples=trial.held.samples,
        batch_size=trial.held.batch_size,
        batches=sum(1 for _ in trial.held.grouped()),
        passes=trial.passes.count,
        seed=trial.run.seed,
        forwards=round(trial.run.samples_run / trial.held.samples, 1),
        seconds=0.0,
        loader=trial.held.name,
        train_loader=trial.feed.name if trial.feed.name != trial.held.name else None,
    )
    thresholds = settings.options_of(rulebook.find(treating.SYMPTOM))
    if not _is_apart(trial):
        return Measurements(causes=_causes(trial, thresholds), attempts=attempts, conditions=conditions)
    layers = affordable(lambda: trial.layers if trial.steps else (), ())
    return Measurements(
        divergence=trial.divergence,
        scores=trial.scores,
        causes=affordable(lambda: trial.causes(thresholds), ()),
        layers=layers,
        stochastic=affordable(lambda: trial.stochastic, ()),
        completeness=affordable(lambda: trial.shares[1], None) if layers else None,
        attempts=attempts,
        gradient_noise=trial.scaling.known_noise,
        conditions=replace(conditions, forwards=round(trial.run.samples_run / trial.held.samples, 1)),
    )
