"""What was not asked and why, for who calls from Python and has no options of the command line."""

from __future__ import annotations

import re
from dataclasses import replace

from evalcheck.finding import Report

SPOKEN = (
    (re.compile(r"pass --loader or --input \(such as [^)]*\)"), "pass a loader: check(model, loader)"),
    (re.compile(r"pass --train-loader\b"), "pass a train_loader"),
    (re.compile(r"pass --loader\b"), "pass a loader"),
    (re.compile(r"\(--checkpoint FILE does\)"), "(model.load_state_dict does)"),
)


def spoken(report: Report) -> Report:
    """The report with the arguments of ``check`` in place of options in its notes and gaps."""
    gaps = tuple(replace(gap, reason=_spoken(gap.reason)) for gap in report.gaps)
    return replace(report, notes=tuple(map(_spoken, report.notes)), gaps=gaps)


def _spoken(text: str) -> str:
    for option, argument in SPOKEN:
        text = option.sub(argument, text)
    return text
