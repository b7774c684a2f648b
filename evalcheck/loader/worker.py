"""What a DataLoader's worker process does to the random generators before it reads, done here."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy
import torch
from torch.utils.data import DataLoader
from torch.utils.data._utils import worker as torch_worker

from evalcheck.finding import Unanswerable
from evalcheck.loader import generators


def starter(loader: DataLoader[Any]) -> Callable[[], None]:
    """A function that begins a pass as the loader would, and reads as its first worker.

    Without workers that is nothing. With workers each pass begins with copies of the dataset,
    and so of the generators that it keeps, with new seeds for the global generators (torch and
    numpy since torch 1.9), and with the user's ``worker_init_fn``.
    """
    if loader.num_workers == 0:
        return lambda: None
    put_back = generators.rewinders(generators.held(loader.dataset, loader.collate_fn))

    def start() -> None:
        seed = int(torch.empty((), dtype=torch.int64).random_(generator=loader.generator).item())
        if not loader.persistent_workers:
            for step in put_back:
                step()
        begin(loader, 0, seed)

    return start


def begin(loader: DataLoader[Any], number: int, base_seed: int) -> None:
    """Seed as the worker of that number does, and run ``worker_init_fn``."""
    seed = base_seed + number
    random.seed(seed)
    torch.manual_seed(seed)
    numpy.random.seed(seed % 2**32)
    if loader.worker_init_fn is not None:
        try:
            with inside(loader, number, seed):
                loader.worker_init_fn(number)
        except Exception as error:
            raise Unanswerable(
                f"worker_init_fn raised {type(error).__name__} outside a worker process: {error}"
            ) from None


@contextmanager
def inside(loader: DataLoader[Any], number: int, seed: int) -> Iterator[None]:
    """``get_worker_info()`` answers as in the worker of that number: some code seeds itself by it."""
    before = torch_worker._worker_info
    torch_worker._worker_info = torch_worker.WorkerInfo(
        id=number, num_workers=loader.num_workers, seed=seed, dataset=loader.dataset
    )
    try:
        yield
    finally:
        torch_worker._worker_info = before
