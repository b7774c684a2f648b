"""Gives batch norms the statistics of the data under today's weights, for a trial or for keeps."""

from evalcheck.recalibration.convergence import Convergence
from evalcheck.recalibration.outcome import Change, Recalibration
from evalcheck.recalibration.recalibrating import recalibrate
from evalcheck.recalibration.setting_aside import Aside

__all__ = ["Aside", "Change", "Convergence", "Recalibration", "recalibrate"]
