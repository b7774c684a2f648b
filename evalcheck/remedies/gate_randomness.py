"""Gate dropout, the dropout of attention and random operations together, where more than one is at work."""

from __future__ import annotations

from evalcheck.probe import Trial
from evalcheck.remedies.gating import scatter
from evalcheck.remedies.outcome import Outcome

TITLE = "gating all that draws in eval mode by the mode"
RELIEVES = True


def run(trial: Trial) -> Outcome:
    """What of eval mode's scatter goes, and the held samples under the gates."""
    return scatter.relieved_of_all(trial, scatter.PRICE)
