"""Shares of the norms in what statistics do to the output, by statistic gates on a part of the pool."""

from __future__ import annotations

import torch

from evalcheck.complaint import Complaint
from evalcheck.guard import untouched
from evalcheck.probe.attribution.statistic_gates import contributions
from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import OutOfMemory
from evalcheck.probe.running import modes
from evalcheck.probe.statistics.population import Population

# A blended forward and backward costs three forwards: on a quarter of the pool the four points that
# a curved way needs cost three forwards of the pool, whatever the depth.
PART, LEAST, MOST = 4, 32, 64


def of_norms(passes: Passes, population: Population) -> tuple[dict[str, float], float]:
    """Contributions by statistic gates and their completeness; empty where gradients do not flow."""
    if not passes.norms:
        return {}, 0.0
    held = passes.held
    rows = torch.arange(min(held.samples, max(LEAST, min(MOST, held.samples // PART))))
    batches = held.batches if held.whole is None else list(held.grouped(rows))
    count = sum(batch.size for batch in batches)
    way = (population.mended.run.rows - passes.evaluated.rows)[:count]
    given = population.mended.targets
    try:
        with untouched(passes.model):
            modes.evaluating(passes.model)
            leaves = list(passes.evaluated.leaves)
            return contributions(passes.model, passes.norms, given, batches, way, leaves, passes.run.leaves)
    except OutOfMemory:
        raise
    except (RuntimeError, Complaint):
        return {}, 0.0
