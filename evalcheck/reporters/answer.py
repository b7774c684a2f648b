"""The report's first lines: what happens, because of what, cured by what, and what to do next.

Says no more than was measured: without targets no harm, without a divergence no cause, without a
trial no cure.
"""

from __future__ import annotations

from evalcheck.finding import Report
from evalcheck.measurement import Cause, Divergence, Measurements, Score, of
from evalcheck.reporters import CLEAN, beside, causes, cures, treatment
from evalcheck.reporters.numbers import counted, figure, joined

SYMPTOM = cures.SYMPTOM
# Shown as a difference only beyond this and beyond chance.
NOTABLE = 0.02
# A module with no larger part of the noise than this draws nothing.
SILENT = 0.005
# Scores closer than this part of their scale are the same up to rounding.
SAME = 1e-4
NO_DATA = (
    "Define eval_loader() in the model's file, or pass --loader FILE.py:NAME: on real batches both modes are "
    "measured."
)
NO_LOADER = (
    "Pass loaders, as in check(model, eval_loader, train_loader): on real batches both modes are measured."
)
VARIANCE = "the output's variance"
RANDOM = "Eval mode is random"


def answer(report: Report) -> list[tuple[str, str]]:
    """Up to five labelled sentences: the verdict, without a label, cause, other causes, cure, next step."""
    measured = report.measurements
    if measured is None or measured.divergence is None:
        noise = _noise(measured)
        if noise is None:
            advice = NO_DATA if ":" in report.target else NO_LOADER
            without = [("Next", advice)] if _is_without_data(report) else []
            return [("", f"{_counted(report)}{_uncompared(report)}"), *_mended(report, measured), *without]
        told = causes.direct(cures.culprit(report))
        lines = [("", _random(report, noise)), ("Cause", f"{told}." if told else _drawn(noise))]
    else:
        lines = [("", _verdict(report, measured, measured.divergence))]
        if not diverges(report):
            lines += beside.lines(report, measured)
            return [line for line in lines if line[1]]
        lines += [("Cause", causes.told(measured, cures.culprit(report))), ("Also", causes.others(measured))]
    lines += [("Cure", cures.cure(report)), ("Next", cures.following(report))]
    return [line for line in lines if line[1]]


def _mended(report: Report, measured: Measurements | None) -> list[tuple[str, str]]:
    """What kept the modes from being compared, where a remedy was tried against it."""
    if measured is None or not measured.attempts:
        return []
    return [("Cause" if label == "But" else label, told) for label, told in beside.lines(report, measured)]


def diverges(report: Report) -> bool:
    """Whether the modes were found to differ."""
    return any(f.rule == SYMPTOM and f.severity != "note" for f in report.findings)


def is_good(report: Report) -> bool:
    """Whether the verdict is a good one: no fault was found, and both modes were compared."""
    compared = report.measurements is not None and report.measurements.divergence is not None
    return compared and not report.at_least("warning")


def _noise(measured: Measurements | None) -> Cause | None:
    found = [c for c in measured.causes if c.name == "noise" and c.material] if measured else []
    return found[0] if found else None


def _counted(report: Report) -> str:
    found = [
        counted(count, severity)
        for severity in ("error", "warning", "note")
        if (count := sum(f.severity == severity for f in report.findings))
    ]
    if found:
        return f"{joined(found)} found."
    return CLEAN if not report.gaps else "Nothing was found in what could be asked."


def _random(report: Report, noise: Cause) -> str:
    """With its score in one pass; where there is none, with the size of the noise, in Tried's own unit."""
    seen = [attempt for attempt in treatment.ran(report) if attempt.measure.startswith("scatter")]
    name, before = next(((name, old) for a in seen for name, old, _ in a.scores), ("", 0.0))
    size = max((a.before or 0.0 for a in seen), default=noise.size)
    how = f"{name} {figure(name, before)} in one pass" if name else f"apart by {of(size, VARIANCE)}"
    return (
        f"{RANDOM}: the same batch gives another answer each time ({how}). "
        "Until that is mended it cannot be compared with train mode."
    )


def _drawn(noise: Cause) -> str:
    if not noise.modules:
        return ""
    named = joined([repr(module) if module else "the model's own forward" for module in noise.modules])
    return f"{named} draw{'' if len(noise.modules) > 1 else 's'} random numbers in eval mode too."


def _is_without_data(report: Report) -> bool:
    """Whether the modes were not compared for want of real inputs."""
    return any(gap.rule == SYMPTOM and "input" in gap.reason for gap in report.gaps)


def _uncompared(report: Report) -> str:
    reason = next((gap.reason for gap in report.gaps if gap.rule == SYMPTOM), None)
    return f" Train mode and eval mode were not compared: {reason}." if reason else ""


def _verdict(report: Report, measured: Measurements, divergence: Divergence) -> str:
    where = f"{divergence.samples} samples of {divergence.loader}"
    size = f"beyond noise they differ by {of(max(0.0, divergence.total), VARIANCE)} ({where})"
    if not measured.scores:
        if diverges(report):
            return f"Eval mode and train mode give different outputs: {size}."
        return f"Eval mode and train mode agree: {size}."
    score, train = measured.scores[0], _train(measured)
    here = f"{score.name} is {figure(score.name, score.eval)} in eval mode and"
    both = f"{here} {figure(score.name, score.reference)} in {train}"
    if diverges(report):
        if score.train is not None and score.harm < score.harm_against_train:
            both = f"{here} {figure(score.name, score.train)} in train mode"
        return f"Eval mode is worse than train mode: {both} ({where})."
    if any(f.rule == SYMPTOM for f in report.findings):
        same = "Eval mode scores as well as train mode, but gives other outputs"
        return f"{same}: {both}; {size}."
    return f"Eval mode is {_compared(score)}: {both} ({where})."


def _is_noisy(score: Score) -> bool:
    """Whether train mode with all that it draws scores otherwise than without."""
    return score.train is not None and abs(score.train - score.reference) > SAME * score.scale


def _compared(score: Score) -> str:
    """Worse or better only beyond chance; better is what a healthy model is, whose train mode is noisy."""
    if score.hurts(NOTABLE):
        return "worse than train mode"
    if -score.harm > max(NOTABLE * score.scale, 2 * score.error):
        return "better than train mode, which is normal"
    return "as good as train mode"


def _train(measured: Measurements) -> str:
    """What the reference is called: train mode, where anything draws without that."""
    kinds = [reading.kind for reading in measured.stochastic if reading.noise_share > SILENT]
    if not kinds and any(_is_noisy(score) for score in measured.scores):
        return "train mode with dropout off"  # what draws so little is not shared out among modules
    if not kinds:
        return "train mode" if measured.causes else "train mode with dropout off"
    return f"train mode with {'dropout' if all('rop' in kind for kind in kinds) else 'its noise'} off"
