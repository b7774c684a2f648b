"""Shares of the stochastic modules in train mode's noise and bias, on a part of the pool."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from evalcheck.complaint import Complaint
from evalcheck.guard import untouched
from evalcheck.measurement import StochasticReading
from evalcheck.probe.attribution import mode_gates, toggling
from evalcheck.probe.attribution.mode_gates import Part
from evalcheck.probe.attribution.stochastic_modules import rate_of, stochastic
from evalcheck.probe.chain.custom import Custom
from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import OutOfMemory
from evalcheck.probe.running import modes, outputs

# Two blended forwards and four backwards of a sixteenth to an eighth of the pool cost one forward of it.
SAMPLES = 64
# Train mode's noise and bias beyond the norms', in output variance, from which the table is worth its price:
# dropout at usual rates stays below the first, healthy modules below the second.
NOISY, BIASED = 0.2, 0.03


def of_modules(passes: Passes, custom: Custom, exact: bool) -> tuple[StochasticReading, ...]:
    """A reading for every module that draws, the noisiest first; empty where there is little to share out.

    With ``exact`` they are toggled one by one besides, and whatever the noise.
    """
    biased = custom.beyond > BIASED
    if not (exact or biased or custom.noise > NOISY):
        return ()
    with untouched(passes.model, parameters=False):
        modes.training(passes.model)
        found = stochastic(passes.model, custom.readers)
    if not found:
        return ()
    shares = _parts(passes, found)
    alone = toggling.of_modules(passes, found) if exact else {}
    noise = sum(part.noise for part in shares.values()) or 1.0
    bias = sum(max(0.0, part.bias) for part in shares.values()) or 1.0
    readings = [
        StochasticReading(
            module=path,
            kind=type(found[path]).__name__,
            rate=rate_of(found[path]),
            noise_share=part.noise / noise,
            bias_share=max(0.0, part.bias) / bias if biased else None,
            exact=alone.get(path),
        )
        for path, part in shares.items()
    ]
    return tuple(sorted(readings, key=lambda r: (-(r.bias_share or 0.0) if biased else 0.0, -r.noise_share)))


def _parts(passes: Passes, found: Mapping[str, nn.Module]) -> dict[str, Part]:
    """By gates; empty where gradients do not flow."""
    pool = passes.held.first(SAMPLES)
    way, leaves = _way(passes)
    if not leaves:
        return {}
    try:
        with untouched(passes.model):
            modes.evaluating(passes.model)
            batches, way = list(pool.grouped()), way[: pool.samples]
            return mode_gates.parts(passes.model, found, batches, way, leaves, passes.run.leaves)
    except OutOfMemory:
        raise
    except (RuntimeError, Complaint):
        return {}


def _way(passes: Passes) -> tuple[Tensor, list[str]]:
    """From the reference's mean to train mode's, over the leaves that all modes have in one shape."""
    here = passes.evaluated.leaves
    runs = [*passes.reference, *passes.trained]
    paths = [p for p in here if all(p in r.leaves and r.leaves[p].shape == here[p].shape for r in runs)]
    if not paths:
        return torch.zeros(0), []
    one, two = (
        torch.stack([outputs.wide(run.leaves, paths) for run in side]).mean(0)
        for side in (passes.reference, passes.trained)
    )
    return two - one, paths
