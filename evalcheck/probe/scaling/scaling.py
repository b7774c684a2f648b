"""What the probe says of batch size and learning rate."""

from __future__ import annotations

from dataclasses import dataclass

from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import Pool


@dataclass
class Scaling:
    """One model's metric over batch sizes, and its gradients' noise on the ``feed``."""

    passes: Passes
    feed: Pool
