"""Sets samples of a loader aside, which feed no statistics and can judge them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import torch

from evalcheck.batch import Batch, join

# One sample in so many is set aside.
SHARE = 5


@dataclass
class Aside:
    """The last fifth of each batch, or every fifth batch where they are too small, until there are enough."""

    wanted: int
    held: list[Batch] = field(default_factory=list)

    @property
    def samples(self) -> int:
        return sum(batch.size for batch in self.held)

    def __call__(self, stream: Iterable[Batch]) -> Iterator[Batch]:
        """What is left of each batch for the statistics."""
        for index, batch in enumerate(stream):
            part = min(batch.size // SHARE, self.wanted - self.samples)
            if part > 0 and join([batch]) is not None:
                rows = torch.arange(batch.size)
                self.held.append(batch.rows(rows[-part:]))
                yield batch.rows(rows[:-part])
            elif batch.size < SHARE and index % SHARE == SHARE - 1 and self.samples < self.wanted:
                self.held.append(batch)
            else:
                yield batch
