"""Switch off functional dropout where its module is in eval mode, as ``training=self.training`` would."""

from __future__ import annotations

from evalcheck.probe import Trial
from evalcheck.remedies.gating import scatter
from evalcheck.remedies.outcome import Outcome

TITLE = "gating functional dropout by the mode (training=self.training)"
RELIEVES = True


def run(trial: Trial) -> Outcome:
    """What of eval mode's scatter goes, and the held samples under the gate."""
    return scatter.relieved(trial, "dropout", "functional dropout")
