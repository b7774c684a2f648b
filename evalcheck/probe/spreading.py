"""Batches from the whole of an epoch, not from its beginning: data on disk often lie sorted by class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch.utils.data import BatchSampler, DataLoader, SequentialSampler


def spread(loader: Iterable[Any], samples: int) -> Iterable[Any]:
    """The loader's batches in an order of which every beginning is spread over the epoch.

    Only for what can be asked for its n-th batch and reads in order, a list or a plain DataLoader with a
    sequential sampler, and only where an epoch holds more than ``samples``; all else comes as it is. The
    batches themselves are those of the loader, whole, made by its workers.
    """
    if isinstance(loader, (list, tuple)):
        return (loader[index] for index in scattered(len(loader)))
    if type(loader) is not DataLoader or type(loader.batch_sampler) is not BatchSampler:
        return loader
    if type(loader.sampler) is not SequentialSampler or len(loader.sampler) <= samples:
        return loader
    rows = list(loader.batch_sampler)
    return DataLoader(
        loader.dataset,
        batch_sampler=[rows[index] for index in scattered(len(rows))],
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
    )


def scattered(count: int) -> Iterator[int]:
    """0 to ``count`` - 1 in the order of the van der Corput sequence: halves, quarters, eighths, ..."""
    bits = max(0, count - 1).bit_length()
    for step in range(1 << bits):
        index = int(format(step, f"0{bits}b")[::-1], 2) if bits else 0
        if index < count:
            yield index
