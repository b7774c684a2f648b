"""The report's first lines: what happens, because of what, cured by what, each with its number.

Says no more than was measured: without targets no harm, without a divergence no cause, without a
trial no cure.
"""

from __future__ import annotations

from evalcheck.finding import Report
from evalcheck.measurement import Attempt, Cause, Divergence, LayerReading, Measurements, Score, of
from evalcheck.reporters import CLEAN
from evalcheck.reporters.numbers import change, counted, figure, joined

SYMPTOM = "train-eval-divergence"
# Shown as a difference only beyond this and beyond chance.
NOTABLE = 0.02
VARIANCE = "the output's variance"


def answer(report: Report) -> list[tuple[str, str]]:
    """Up to three labelled sentences: verdict, cause, cure."""
    measured = report.measurements
    if measured is None or measured.divergence is None:
        return [("", f"{_counted(report)}{_uncompared(report)}")]
    lines = [("", _verdict(report, measured, measured.divergence))]
    proved = any(attempt.status == "proved" for attempt in measured.attempts)
    if diverges(report):
        material = [cause for cause in measured.causes if cause.material]
        told = _cause(material[0], measured, proved) if material else NO_NORM
        lines.append(("Cause", told))
    if measured.attempts:
        lines.append(("Cure", _cure(measured.attempts)))
    return lines


NO_NORM = "not found among the batch norms; look for a module that asks self.training."


def diverges(report: Report) -> bool:
    """Whether the modes were found to differ."""
    return any(f.rule == SYMPTOM and f.severity != "note" for f in report.findings)


def _counted(report: Report) -> str:
    found = [
        counted(count, severity)
        for severity in ("error", "warning", "note")
        if (count := sum(f.severity == severity for f in report.findings))
    ]
    if found:
        return f"{joined(found)} found."
    return CLEAN if not report.gaps else "Nothing was found in what could be asked."


def _uncompared(report: Report) -> str:
    reason = next((gap.reason for gap in report.gaps if gap.rule == SYMPTOM), None)
    return f" Train mode and eval mode were not compared: {reason}." if reason else ""


def _verdict(report: Report, measured: Measurements, divergence: Divergence) -> str:
    where = f"{divergence.samples} samples of {divergence.loader}"
    errors = [f.rule for f in report.at_least("error") if f.rule != SYMPTOM]
    stand = f"{counted(len(errors), 'error')} stand{'s' if len(errors) == 1 else ''} below"
    but = f" But {stand}: {joined(errors)}." if errors and not diverges(report) else ""
    size = f"{of(max(0.0, divergence.total), VARIANCE)}, noise taken out"
    if not measured.scores:
        if diverges(report):
            return f"Eval mode and train mode give different outputs: they differ by {size} ({where})."
        return f"Eval mode and train mode agree: they differ by {size} ({where}).{but}"
    score = measured.scores[0]
    here = figure(score.name, score.eval)
    if diverges(report):
        return f"Eval mode is worse than train mode: {score.name} {here} {_there(score)} ({where})."
    if any(f.rule == SYMPTOM for f in report.findings):
        same = f"though {score.name} does not suffer: {here}, {_train(score)}"
        return f"Eval mode and train mode give different outputs, by {size}, {same} ({where}).{but}"
    word = "worse than" if score.hurts(NOTABLE) else "as good as"
    return f"Eval mode is {word} train mode: {score.name} {here}, {_train(score)} ({where}).{but}"


def _there(score: Score) -> str:
    if score.harm < score.harm_against_train and score.train is not None:
        return f"where train mode reaches {figure(score.name, score.train)}"
    return f"where train mode without its noise reaches {figure(score.name, score.reference)}"


def _train(score: Score) -> str:
    return f"train mode without its noise {figure(score.name, score.reference)}"


def _cause(cause: Cause, measured: Measurements, proved: bool) -> str:
    layers = measured.layers
    # Where a cure was proved, its line has the figure.
    told = cause.recovers is not None and cause.recovers > 0 and not proved
    recovers = f"; setting that right gives back {_points(cause, measured)}" if told else ""
    conditions = measured.conditions
    data = "the training data" if conditions and conditions.train_loader else "the data"
    if cause.name == "shared":
        shared = [r for r in layers if r.calls > 1]
        times = {2: "twice", 3: "three times"}.get(shared[0].calls, f"{shared[0].calls} times")
        called, keep = ("is called", "keeps") if len(shared) == 1 else ("are each called", "keep")
        return (
            f"{_named(shared)} {called} {times} per forward on inputs that differ, and {keep} one set of "
            f"statistics for all calls{recovers}."
        )
    if cause.name == "stale":
        wrong = [r for r in layers if r.stale > 0.01] or list(layers[:1])
        return f"the running statistics of {_named(wrong)} are not those of {data}{recovers}."
    if cause.name == "domain":
        return f"the evaluation data is unlike the training data, whose statistics eval mode uses{recovers}."
    if cause.name == "dropout":
        return (
            f"dropout before a batch norm widens what the norm sees in training, not in evaluation{recovers}."
        )
    return (
        f"train mode uses the statistics of each batch and eval mode those of {data}, and here the two "
        f"differ: {cause.title}{recovers}."
    )


def _points(cause: Cause, measured: Measurements) -> str:
    assert cause.recovers is not None
    score = measured.scores[0]
    if score.name == "accuracy":
        return f"{cause.recovers * 100:.1f} points"
    return f"{cause.recovers:.3g} of {score.name}"


def _named(readings: list[LayerReading]) -> str:
    """Names with their shares, so far as they were attributed."""
    return joined(
        [f"'{r.module}' (share {r.share:.0%})" if r.share is not None else f"'{r.module}'" for r in readings]
    )


def _cure(attempts: tuple[Attempt, ...]) -> str:
    told = []
    for attempt in sorted(attempts, key=lambda a: a.status != "proved"):
        if attempt.scores:
            name, before, after = attempt.scores[0]
            figures = f"{name} {change(name, before, after)}"
        else:
            before, after = attempt.divergence
            figures = f"distance from train mode {before:.3g} → {after:.3g} of the output's variance"
        told.append(
            f"{attempt.title} {'cures it' if attempt.status == 'proved' else 'is no cure'}: {figures}"
        )
    return " ".join(f"{line[0].upper()}{line[1:]}." for line in told)
