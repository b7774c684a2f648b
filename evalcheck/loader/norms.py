"""The batch norms that a model's training batch reaches, as plain records: the loader knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalcheck.finding import Place, Table

ROWS = 12


@dataclass(frozen=True, slots=True)
class Norm:
    """One batch norm in train mode; ``values`` is how many values of a channel one sample gives (H*W).

    ``flat`` tells that its input has no positions at all, so that this number does not depend on the
    size of the input.
    """

    place: Place
    values: int
    flat: bool = False

    @property
    def path(self) -> str:
        return self.place.module or ""


def counted(norms: Sequence[Norm]) -> str:
    """``the batch norm 'bn1'`` or ``3 batch norms ('bn1' is the first)``."""
    first = norms[0].path
    if len(norms) == 1:
        return f"the batch norm {first!r}"
    return f"{len(norms)} batch norms ({first!r} is the first)"


def listed(norms: Sequence[Norm], samples: int) -> Table:
    """How many values per channel each norm gets from a batch of that many samples."""
    rows = [(norm.path, str(norm.values), str(samples * norm.values)) for norm in norms[:ROWS]]
    if len(norms) > ROWS:
        rows.append((f"and {len(norms) - ROWS} more", "", ""))
    return Table(
        "Batch norms with few values per channel", ("module", "per sample", "per batch"), tuple(rows)
    )
