"""Whether a report counts as a failure, as the exit status of a process."""

from __future__ import annotations

from typing import Literal

from evalcheck.finding import Report
from evalcheck.terms import Severity

FailOn = Severity | Literal["never"]

CLEAN, FOUND, MISUSED, FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def exit_status(report: Report, fail_on: FailOn = "warning") -> int:
    """0 nothing at or above ``fail_on``, 1 findings, 2 something could not be read, 3 a fault of ours.

    A fault comes first: a run in which a check broke says nothing sure, whatever else it found.
    """
    if report.faults:
        return FAULT
    if not report.ok(fail_on):
        return FOUND
    return MISUSED if report.unread else CLEAN
