"""Reads single samples from all over a data set that a loader gives in order, where only a part is used.

Data on disk often lie sorted by class. Whole batches from here and there, of one class each, would be a
sample of a few classes; samples drawn one by one are one of all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, default_collate


def drawn(loader: Iterable[Any], samples: int, seed: int) -> Iterable[Any]:
    """The same data in random order, where the loader would give more than ``samples`` in its own.

    Only for a plain DataLoader with a sequential sampler and torch's own collation: batches that are padded
    to their longest sample stay together. All else comes as it is.
    """
    if type(loader) is not DataLoader or type(loader.batch_sampler) is not BatchSampler:
        return loader
    if type(loader.sampler) is not SequentialSampler or len(loader.sampler) <= samples:
        return loader
    if loader.collate_fn is not default_collate or loader.batch_size is None:
        return loader
    order = RandomSampler(loader.sampler, generator=torch.Generator().manual_seed(seed))
    return DataLoader(
        loader.dataset,
        batch_sampler=BatchSampler(order, loader.batch_size, drop_last=False),
        num_workers=loader.num_workers,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
    )


def length(loader: Iterable[Any]) -> int | None:
    """How many batches the loader says that it has; None where it does not say, or its own ``len`` fails."""
    try:
        return len(loader)  # type: ignore[arg-type]
    except Exception:
        return None
