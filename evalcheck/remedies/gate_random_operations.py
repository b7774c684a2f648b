"""Let random operations give their mean, or the likeliest choice, where their module is in eval mode."""

from __future__ import annotations

from evalcheck.probe import Trial
from evalcheck.remedies.gating import scatter
from evalcheck.remedies.outcome import Outcome

TITLE = "gating random operations by the mode (their mean or likeliest value in eval mode)"
RELIEVES = True


def run(trial: Trial) -> Outcome:
    """What of eval mode's scatter goes, and the held samples under the gate."""
    return scatter.relieved(trial, "draw", "random operations", scatter.PRICE)
