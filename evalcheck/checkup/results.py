"""Turns what the trial measured into the report's figures, and tries the remedies that fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evalcheck import graph, rulebook
from evalcheck.engine import Answers, with_remedies
from evalcheck.finding import Finding, Place, Quote, Unanswerable
from evalcheck.measurement import Attempt, Cause, Conditions, Measurements
from evalcheck.probe import Trial
from evalcheck.probe.running.budget import affordable
from evalcheck.remedies import proof
from evalcheck.settings import Settings

SYMPTOM = "train-eval-divergence"


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
    attempts: dict[str, Attempt] = {}
    if is_compared(trial) and proof.is_ill(trial):
        findings = tuple(_treated(trial, finding, settings, attempts) for finding in findings)
    return findings, _measurements(trial, settings, tuple(attempts.values()))


def remarks(trial: Trial) -> list[str]:
    """What the user should know about how it was judged."""
    if trial.run.budget.refused:
        return [
            "the budget was spent: what was measured until then is shown, and no further remedy was tried"
        ]
    if not is_compared(trial):
        return []
    targets = any(batch.targets is not None for batch in trial.held.batches)
    if targets and not trial.scores:
        return ["the targets could not be held against the output, so no loss was judged: pass a metric"]
    if any(score.higher_is_better is None for score in trial.scores):
        return ["the metric has no attribute higher_is_better, so it is shown and judges nothing"]
    return []


def is_compared(trial: Trial) -> bool:
    """Whether the two modes could be compared at all."""
    try:
        trial.require_training()
        _ = trial.divergence, trial.steps, trial.scores
    except Unanswerable:
        return False
    return True


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


def _treated(trial: Trial, finding: Finding, settings: Settings, attempts: dict[str, Attempt]) -> Finding:
    """With the remedies of its rule, where the fault's own step is one that matters."""
    rule = rulebook.find(finding.rule)
    step = trial.step(rule.cause) if rule.cause else None
    limit = float(settings.options_of(rulebook.find(SYMPTOM)).get(rule.cause or "", 0.0))
    if finding.severity == "note" or step is None or step.size(trial.unit) <= limit:
        return finding
    tried = []
    for name in rule.remedies:
        try:
            attempts[name] = attempts.get(name) or proof.attempt(trial, name)
        except Unanswerable:
            continue
        tried.append(proof.remedy(attempts[name]))
    return with_remedies(finding, tried)


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
    thresholds = settings.options_of(rulebook.find(SYMPTOM))
    if not _is_apart(trial):
        return Measurements(causes=_causes(trial, thresholds), conditions=conditions)
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
