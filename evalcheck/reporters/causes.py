"""Each cause as the end of ``Cause: ...``, with the modules that it comes from and its number."""

from __future__ import annotations

from evalcheck.finding import Finding
from evalcheck.measurement import Cause, Measurements, of
from evalcheck.reporters import mechanisms, norms
from evalcheck.reporters.location import written
from evalcheck.reporters.numbers import first_sentence, joined

NOT_ASKED = "not measured: the budget was spent."
UNKNOWN = "not found among the batch norms and the modules that ask self.training."
HIDDEN = "not found; batch norms inside scripted modules cannot be looked at."
# Rules whose first sentence says what happens better than the cause's own words can.
TELLING = (
    "preprocessing-mismatch",
    "functional-dropout-ungated",
    "attention-dropout-ungated",
    "dropout-forced-on",
    "random-op-ungated",
    "unregistered-submodule",
)
# From here on a sentence goes on with figures in other units than the first lines'.
FIGURES = ", and by staying in train mode"
# Statistics that are recomputed for less than this part of what is lost were no cause.
HELPS = 0.1
# A cause that takes this part of what is lost takes all of it: the steps are measured one by one.
ALL, HALF = 0.95, 0.5


def told(measured: Measurements, finding: Finding | None = None) -> str:
    """The main cause in one sentence; ``finding`` is the one that tells of it, if any does."""
    cause = main(measured)
    if cause is None:
        hidden = measured.divergence is not None and measured.divergence.fixable is None
        return (HIDDEN if hidden else UNKNOWN) if measured.causes else NOT_ASKED
    sentence = direct(finding) or mechanisms.sentence(cause, measured, finding)
    # A share of the difference is a number already.
    if norms.has_parts(sentence):
        return f"{sentence}."
    return f"{sentence}; this {_effect(cause, measured, HALF)}."


def direct(finding: Finding | None) -> str:
    """The first sentence of a finding that says the cause itself; empty where it does not."""
    if finding is None or finding.rule not in TELLING:
        return ""
    told = first_sentence(finding.message).removesuffix(".").partition(FIGURES)[0]
    told = f"t{told[1:]}" if told.startswith("The ") else told
    span = finding.place.span
    return f"{told} ({written(span, column=False)})" if span is not None else told


def others(measured: Measurements) -> str:
    """What else is a cause, in one sentence; empty where nothing is, or where its cure did nothing."""
    rest = [cause for cause in measured.causes if cause.material and cause is not main(measured)]
    vain = {a.name for a in measured.attempts if a.recovered is not None and a.recovered < HELPS}
    rest = [cause for cause in rest if cause.name != "stale" or "recalibrate" not in vain]
    return f"{joined([f'{c.title} ({_effect(c, measured)})' for c in rest])}." if rest else ""


def main(measured: Measurements) -> Cause | None:
    """The cause that is told."""
    return next((cause for cause in measured.causes if cause.material), None)


def _effect(cause: Cause, measured: Measurements, least: float = 0.0) -> str:
    """What the cause takes of the score, where that is known and beyond chance, else of the outputs.

    Steps are taken one after another, so that a cure may give back far more than its cause's step: less than
    the part ``least`` of what is lost is not told.
    """
    score = measured.scores[0] if measured.scores else None
    if score is None or cause.recovers is None or cause.recovers <= least * max(score.lost, 0.0):
        return f"moves the output by {of(cause.size, 'its variance')}"
    points = 100.0 if score.name == "accuracy" else 1.0
    lost, part = (f"{points * value:.3g}" for value in (score.lost, cause.recovers))
    part = "all" if cause.recovers >= ALL * score.lost else part
    if score.name == "accuracy":
        return f"costs {part} of the {lost} points of accuracy that eval mode loses"
    return f"makes {part} of the {lost} by which the {score.name} is worse"
