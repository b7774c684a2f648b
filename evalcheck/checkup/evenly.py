"""Says which part of the evaluation data was taken: who has figures of his own compares them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch.utils.data import DataLoader

from evalcheck.probe import Pool
from evalcheck.probe.spreading import spread


def taken(loader: Iterable[Any], held: Pool) -> tuple[str, ...]:
    """A note where the samples are not the loader's first, but stand here and there in it; else nothing."""
    if spread(loader, held.samples) is loader:
        return ()
    drawn = f"{held.samples:,}"
    if isinstance(loader, DataLoader):
        drawn += f" of {len(loader.dataset):,}"  # type: ignore[arg-type]
    elif isinstance(loader, (list, tuple)) and len(loader) <= len(held.batches):
        return ()
    return (f"{drawn} evaluation samples were taken, batches from all over the loader",)
