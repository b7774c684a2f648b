"""The distance of the two modes for each part of a structured output."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from evalcheck.measurement import OutputReading
from evalcheck.probe.judging import distance
from evalcheck.probe.running.outputs import Leaves

# Of the largest leaf's variance: below this a leaf is a constant, and has no unit of its own.
CONSTANT = 1e-10


def readings(here: Leaves, there: Sequence[Leaves]) -> tuple[OutputReading, ...]:
    """Eval mode's leaves against the mean of train mode's passes, each in its own variance.

    One reading a leaf that both modes give in one shape, the most distant first; leaves that do not vary
    over samples are left out.
    """
    paths = [path for path in here if all(path in o and o[path].shape == here[path].shape for o in there)]
    means = {path: torch.stack([other[path] for other in there]).mean(0) for path in paths}
    units = {path: distance.variance(here[path], means[path]) for path in paths}
    least = CONSTANT * max(units.values(), default=0.0)
    found = []
    for path in (path for path in paths if units[path] > least):
        spread = distance.spread([other[path] for other in there], here[path])
        bias, noise = float(spread.bias.mean()), float(spread.noise.mean())
        found.append(OutputReading(path, bias / units[path], noise / units[path], here[path].shape[1]))
    return tuple(sorted(found, key=lambda reading: -reading.total))
