"""The report's first lines: what happens, because of what, cured by what, each with its number.

Says no more than was measured: without targets no harm, without a divergence no cause, without a
trial no cure.
"""

from __future__ import annotations

from evalcheck.finding import Report
from evalcheck.measurement import Attempt, Cause, LayerReading, Measurements
from evalcheck.reporters.numbers import change, counted, figure, joined, percent

SYMPTOM = "train-eval-divergence"


def answer(report: Report) -> list[tuple[str, str]]:
    """Up to three labelled sentences: verdict, cause, cure."""
    measured = report.measurements
    if measured is None or measured.divergence is None:
        return [("", _counted(report))]
    lines = [("", _verdict(report, measured))]
    if any(f.rule == SYMPTOM and f.severity != "note" for f in report.findings):
        material = [cause for cause in measured.causes if cause.material]
        lines.append(("Cause", _cause(material[0], measured) if material else "not found among the norms"))
    if measured.attempts and len(lines) > 1:
        lines.append(("Cure", _cure(measured.attempts)))
    return lines


def _counted(report: Report) -> str:
    found = [
        counted(count, severity)
        for severity in ("error", "warning", "note")
        if (count := sum(f.severity == severity for f in report.findings))
    ]
    if found:
        return f"{joined(found)} found."
    return "Nothing was found." if not report.gaps else "Nothing was found in what could be asked."


def _verdict(report: Report, measured: Measurements) -> str:
    divergence, scores = measured.divergence, measured.scores
    assert divergence is not None
    diverges = any(f.rule == SYMPTOM for f in report.findings)
    where = f"{divergence.samples} samples of {divergence.loader}"
    if not scores:
        size = f"{divergence.total:.2g} of the output's variance, noise taken out ({where})"
        if diverges:
            return f"Eval mode and train mode give different outputs: they differ by {size}."
        return f"Eval mode and train mode agree: they differ by {size}."
    score = scores[0]
    here, there = figure(score.name, score.eval), figure(score.name, score.reference)
    if diverges:
        return (
            f"Eval mode is worse than train mode: {score.name} {here} where train mode without its noise "
            f"reaches {there} ({where})."
        )
    word = "worse than" if score.harm > 0.02 and score.name == "accuracy" else "as good as"
    there = f"train mode without its noise {there}"
    return f"Eval mode is {word} train mode: {score.name} {here}, {there} ({where})."


def _cause(cause: Cause, measured: Measurements) -> str:
    layers = measured.layers
    recovers = f"; setting that right gives back {_points(cause, measured)}" if cause.recovers else ""
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
        return f"the running statistics of {_named(wrong)} are not those of the training data{recovers}."
    if cause.name == "dropout":
        return (
            f"dropout before a batch norm widens what the norm sees in training, not in evaluation{recovers}."
        )
    return (
        "train mode uses the statistics of each batch and eval mode those of the training data, and here "
        f"the two differ: {cause.title}{recovers}."
    )


def _points(cause: Cause, measured: Measurements) -> str:
    assert cause.recovers is not None
    score = measured.scores[0]
    if score.name == "accuracy":
        return f"{cause.recovers * 100:.1f} points"
    return f"{cause.recovers:.3g} of {score.name}"


def _named(readings: list[LayerReading]) -> str:
    """Names with their shares, so far as they were attributed."""
    return joined([f"{r.module} ({_share(r)})" if r.share is not None else r.module for r in readings])


def _share(reading: LayerReading) -> str:
    share = reading.share or 0.0
    return f"share {max(share, 0.0):.0%}"


def _cure(attempts: tuple[Attempt, ...]) -> str:
    told = []
    for attempt in sorted(attempts, key=lambda a: a.status != "proved"):
        if attempt.scores:
            name, before, after = attempt.scores[0]
            figures = f"{name} {change(name, before, after)}"
        else:
            before, after = attempt.divergence
            figures = f"distance from train mode {percent(before)} → {percent(after)} of the variance"
        told.append(
            f"{attempt.title} {'cures it' if attempt.status == 'proved' else 'is no cure'}: {figures}"
        )
    sentences = [f"{line[0].upper()}{line[1:]}." for line in told]
    return " ".join(sentences)
