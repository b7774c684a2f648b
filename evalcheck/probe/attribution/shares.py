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

# A blended forward and backward costs three forwards: on a quarter of 512 samples the two rounds that a
# curved way needs stay below three forwards of the pool.
SAMPLES = 128


def of_norms(passes: Passes, population: Population) -> tuple[dict[str, float], float]:
    """Contributions by statistic gates and their completeness; empty where gradients do not flow."""
    held = passes.held
    rows = torch.arange(min(SAMPLES, held.samples))
    batches = held.batches if held.whole is None else list(held.grouped(rows))
    count = sum(batch.size for batch in batches)
    way = (population.per_call.rows - passes.evaluated.rows)[:count]
    given = {path: entry.calls for path, entry in population.moments.items()}
    try:
        with untouched(passes.model):
            modes.evaluating(passes.model)
            leaves = list(passes.evaluated.leaves)
            return contributions(passes.model, passes.norms, given, batches, way, leaves, passes.run.forward)
    except OutOfMemory:
        raise
    except (RuntimeError, Complaint):
        return {}, 0.0
