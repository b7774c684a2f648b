"""What a train-mode output depends on besides its own sample."""

from __future__ import annotations

from dataclasses import dataclass

from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import Pool


@dataclass
class Leak:
    """Homogeneous and mixed batches of the ``feed`` in train mode."""

    passes: Passes
    feed: Pool
