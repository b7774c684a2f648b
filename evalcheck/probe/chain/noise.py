"""Noise of eval mode itself, as a cause among the others."""

from __future__ import annotations

from evalcheck.measurement import Cause
from evalcheck.probe.chain.steps import TITLES
from evalcheck.probe.dependence.samples import Dependence
from evalcheck.probe.judging import distance
from evalcheck.probe.passes import Passes


def of_eval(passes: Passes, dependence: Dependence, tolerance: float, threshold: float) -> Cause:
    """What one eval pass scatters around their mean, in units of the output's variance.

    Two passes differ by twice that variance. ``tolerance`` is the relative difference that kernels make.
    """
    seen = dependence.repetition(tolerance)
    rows = passes.evaluated.rows
    spread = distance.variance(rows)
    square = float(rows.double().square().sum(1).mean())
    size = 0.5 * seen.size**2 * square / spread if spread > 0 else 0.0
    modules = (seen.module,) if seen.size > tolerance and seen.module is not None else ()
    return Cause("noise", TITLES["noise"], size, threshold, modules=modules)
