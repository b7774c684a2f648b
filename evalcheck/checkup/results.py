"""Turns what the trial measured into the report's figures, and tries the remedies that fit."""

from __future__ import annotations

from evalcheck import rulebook
from evalcheck.engine import with_remedies
from evalcheck.finding import Finding, Unanswerable
from evalcheck.measurement import Attempt, Conditions, Measurements
from evalcheck.probe import Trial
from evalcheck.remedies import proof
from evalcheck.settings import Settings

SYMPTOM = "train-eval-divergence"


def measured(
    trial: Trial | None, findings: tuple[Finding, ...], settings: Settings
) -> tuple[tuple[Finding, ...], Measurements | None]:
    """The findings with what their remedies did, and every figure that was taken."""
    if trial is None:
        return findings, None
    attempts: dict[str, Attempt] = {}
    if not _unanswerable(trial):
        findings = tuple(_treated(trial, finding, attempts) for finding in findings)
    return findings, _measurements(trial, settings, tuple(attempts.values()))


def _unanswerable(trial: Trial) -> bool:
    try:
        trial.require_training()
        _ = trial.divergence
    except Unanswerable:
        return True
    return False


def _treated(trial: Trial, finding: Finding, attempts: dict[str, Attempt]) -> Finding:
    if finding.severity == "note" or not proof.is_ill(trial):
        return finding
    tried = []
    for name in rulebook.find(finding.rule).remedies:
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
        passes=trial.passes,
        seed=trial.run.seed,
        forwards=round(trial.run.samples_run / trial.held.samples, 1),
        seconds=0.0,
        loader=trial.held.name,
        train_loader=trial.feed.name if trial.feed.name != trial.held.name else None,
    )
    if _unanswerable(trial):
        return Measurements(conditions=conditions)
    thresholds = settings.options_of(rulebook.find(SYMPTOM))
    return Measurements(
        divergence=trial.divergence,
        scores=trial.scores,
        causes=trial.causes(thresholds),
        layers=trial.layers,
        completeness=trial.shares[1] if trial.layers else None,
        attempts=attempts,
        conditions=conditions,
    )
