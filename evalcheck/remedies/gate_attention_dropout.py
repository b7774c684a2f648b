"""Give fused attention a dropout rate of 0 where the module that calls it is in eval mode."""

from __future__ import annotations

from evalcheck.probe import Trial
from evalcheck.remedies.gating import scatter
from evalcheck.remedies.outcome import Outcome

TITLE = "gating the dropout of attention by the mode (a rate of 0 in eval mode)"
RELIEVES = True


def run(trial: Trial) -> Outcome:
    """What of eval mode's scatter goes, and the held samples under the gate."""
    return scatter.relieved(trial, "attention", "fused attention")
