"""The end of a report: what could not be asked and why, and what was run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from evalcheck.finding import Report
from evalcheck.measurement import Conditions
from evalcheck.reporters.numbers import counted, joined

NAMED = 3
NO_GAPS = "Every rule was asked."


def gaps(report: Report, verbose: bool) -> tuple[str, list[tuple[str, str]]]:
    """A heading, and each reason with its rules; no heading where nothing needs to be said."""
    if not report.gaps:
        compared = report.measurements is not None and report.measurements.divergence is not None
        return (NO_GAPS if compared and report.findings else "", [])
    by_reason: dict[str, list[str]] = defaultdict(list)
    for gap in report.gaps:
        by_reason[gap.reason].append(f"{gap.rule} ({gap.layer})")
    cut = not verbose and max(map(len, by_reason.values())) > NAMED
    told = [(reason, joined(rules, len(rules) if verbose else NAMED)) for reason, rules in by_reason.items()]
    return (f"Not asked{' (-v names every rule)' if cut else ''}", told)


def ran(report: Report) -> list[str]:
    """The notes of the run, then its conditions."""
    conditions = report.measurements.conditions if report.measurements else None
    return [*report.notes, *(_conditions(conditions) if conditions else ())]


def _conditions(ran: Conditions) -> Iterator[str]:
    batches = f"{counted(ran.batches, 'batch')} of {ran.batch_size}"
    train = f"; statistics from {ran.train_loader}" if ran.train_loader else ""
    yield f"device {ran.device}, seed {ran.seed}, {counted(ran.passes, 'pass')} in train mode"
    yield f"{batches}, {counted(ran.samples, 'sample')} of {ran.loader}{train}"
    # A budget may end a run before the samples were through once.
    work = "less than one forward pass" if ran.forwards < 1 else counted(round(ran.forwards), "forward pass")
    yield f"the work of {work}, {ran.seconds:.1f} s"
