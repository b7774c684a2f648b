"""``--baseline`` and ``--write-baseline``: what is known from before is not reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalcheck import baseline, rulebook
from evalcheck.verdict import CLEAN, FAULT

if TYPE_CHECKING:
    from evalcheck.cli.options import Output
    from evalcheck.finding import Report


def sift(reports: Sequence[Report], output: Output) -> tuple[list[Report], str]:
    """The reports less what the baseline holds, and a line on what of it is gone, if anything is."""
    assert output.baseline is not None
    known = baseline.load(output.baseline)
    left = [known.without(report) for report in reports]
    gone = known.gone(output.subjects, _asked(output))
    if not gone:
        return left, ""
    if gone == 1:
        return left, "1 finding of the baseline is gone; --write-baseline drops it"
    return left, f"{gone} findings of the baseline are gone; --write-baseline drops them"


def write(reports: Sequence[Report], output: Output) -> tuple[str, int]:
    """Record what was found; the line that says so, and the status: 0, but for a fault of ours."""
    assert output.baseline is not None
    count = baseline.write(output.baseline, reports)
    findings = "1 finding is" if count == 1 else f"{count} findings are"
    return f"{findings} in {output.baseline}", FAULT if any(report.faults for report in reports) else CLEAN


def _asked(output: Output) -> frozenset[str]:
    """The rules of the reader that the command line does not leave out."""
    chosen = rulebook.expand(output.select) or frozenset(rulebook.load())
    read = {name for name in chosen if "source" in rulebook.find(name).layers}
    return frozenset(read) - rulebook.expand(output.ignore)
