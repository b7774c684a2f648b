"""Some samples as the model gets them, each once: spread over the data where there are indices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from evalcheck.finding import Unanswerable
from evalcheck.loader import reading, sample
from evalcheck.loader.sample import Sample

# Samples that are collated together; a collate function that mixes samples needs some.
GROUP, SECONDS = 8, 3.0


def draw(loader: Any, count: int) -> Iterator[Sample]:
    """At most ``count`` samples, collated where the collate function takes them.

    The worker processes of a DataLoader are not started. Raises :class:`Unanswerable` where the
    loader cannot be read or reading would use it up.
    """
    if not is_plain(loader):
        yield from reading.beginning(loader, count, sample.rows)
    elif isinstance(loader.dataset, IterableDataset):
        yield from reading.beginning(loader.dataset, count, lambda item: _collated(loader, [item]))
    else:
        group: list[Any] = []
        for item in reading.items(loader.dataset, reading.indices(loader, count), SECONDS):
            group.append(item)
            if len(group) == GROUP or loader.batch_sampler is None:
                yield from _collated(loader, group)
                group = []
        if group:
            yield from _collated(loader, group)


def is_plain(loader: Any) -> bool:
    """Whether it is a DataLoader that iterates as torch wrote it, so that it can be read without workers."""
    return isinstance(loader, DataLoader) and type(loader).__iter__ is DataLoader.__iter__


def _collated(loader: DataLoader[Any], group: list[Any]) -> list[Sample]:
    """The group as rows of a batch; as raw samples where it cannot be put together or cut again."""
    try:
        rows = sample.rows(reading.collate(loader, group))
    except Unanswerable:
        raise
    except Exception:
        rows = []
    if loader.batch_sampler is not None and len(rows) != len(group):
        rows = [sample.freeze(item) for item in group]
    return rows
