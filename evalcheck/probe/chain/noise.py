"""Noise of eval mode itself, as a cause among the others."""

from __future__ import annotations

from evalcheck.measurement import Cause
from evalcheck.probe.chain.steps import TITLES
from evalcheck.probe.dependence.samples import Dependence
from evalcheck.probe.judging import distance
from evalcheck.probe.passes import Passes
from evalcheck.probe.running import modes

# Noise that a whole batch shares is another in each pass: two would say little of its size.
PASSES, SAMPLES = 4, 256


def of_eval(passes: Passes, dependence: Dependence, tolerance: float, threshold: float) -> Cause:
    """What one eval pass scatters around their mean, in units of the output's variance.

    Measured on four seeded passes, and only where two passes of a small batch differ: ``tolerance`` is the
    relative difference that kernels make.
    """
    seen = dependence.repetition(tolerance)
    if not seen.size > tolerance:
        return Cause("noise", TITLES["noise"], 0.0, threshold)
    pool = passes.held.first(SAMPLES)
    rows = [passes.rows(pool, modes.evaluating, seed=50 + index).rows for index in range(PASSES)]
    found = distance.spread(rows, rows[0])
    unit = distance.variance(found.mean)
    size = float(found.noise.mean()) / unit if unit > 0 else 0.0
    modules = (seen.module,) if seen.module is not None else ()
    return Cause("noise", TITLES["noise"], size, threshold, modules=modules)
