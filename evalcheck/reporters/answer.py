"""The report's first lines: what happens, because of what, cured by what, each with its number.

Says no more than was measured: without targets no harm, without a divergence no cause, without a
trial no cure.
"""

from __future__ import annotations

from evalcheck.finding import Report
from evalcheck.measurement import Attempt, Cause, Divergence, Measurements, Score, of
from evalcheck.reporters import CLEAN, causes
from evalcheck.reporters.numbers import change, counted, figure, joined

SYMPTOM = "train-eval-divergence"
# Shown as a difference only beyond this and beyond chance.
NOTABLE = 0.02
VARIANCE = "the output's variance"


def answer(report: Report) -> list[tuple[str, str]]:
    """Up to three labelled sentences: verdict, cause, cure."""
    measured = report.measurements
    if measured is None or measured.divergence is None:
        noise = [c for c in measured.causes if c.name == "noise" and c.material] if measured else []
        if noise:
            return [("", _random(noise[0])), ("", _counted(report))]
        return [("", f"{_counted(report)}{_uncompared(report)}")]
    lines = [("", _verdict(report, measured, measured.divergence))]
    proved = any(attempt.status == "proved" for attempt in measured.attempts)
    if diverges(report):
        lines.append(("Cause", causes.told(measured, proved)))
    cure = _cure(measured.attempts)
    if cure and (diverges(report) or report.at_least("warning")):
        lines.append(("Cure", cure))
    return lines


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


def _random(noise: Cause) -> str:
    named = joined([repr(module) for module in noise.modules if module])
    where = f", from {named}" if named else ""
    return (
        f"Eval mode is random: the same batch gives another answer each time{where}. One pass scatters by "
        f"{of(noise.size, VARIANCE)}; with that, eval mode and train mode cannot be compared."
    )


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
    return f"Eval mode is {_compared(score)} train mode: {score.name} {here}, {_train(score)} ({where}).{but}"


def _compared(score: Score) -> str:
    """Worse or better only beyond chance; better is what a healthy model is, whose train mode is noisy."""
    if score.hurts(NOTABLE):
        return "worse than"
    if -score.harm > max(NOTABLE * score.scale, 2 * score.error):
        return "better (which is normal) than"
    return "as good as"


def _there(score: Score) -> str:
    if score.harm < score.harm_against_train and score.train is not None:
        return f"where train mode reaches {figure(score.name, score.train)}"
    return f"where train mode without its noise reaches {figure(score.name, score.reference)}"


def _train(score: Score) -> str:
    return f"train mode without its noise {figure(score.name, score.reference)}"


def _cure(attempts: tuple[Attempt, ...]) -> str:
    told = []
    for attempt in attempts:
        if attempt.status == "untried" or attempt.before is None or attempt.after is None:
            continue
        figures = f"{attempt.measure} {change(attempt.measure, attempt.before, attempt.after)}"
        told.append(
            f"{attempt.title} {'cures it' if attempt.status == 'proved' else 'is no cure'}: {figures}"
        )
    return " ".join(f"{line[0].upper()}{line[1:]}." for line in told)
