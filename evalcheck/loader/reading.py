"""Reads the same data twice, in this process, with the random generators running on in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, SequentialSampler

from evalcheck.finding import Unanswerable
from evalcheck.loader import sample, watch, worker
from evalcheck.loader.difference import Change, Repeat, in_order, unordered
from evalcheck.loader.sample import Sample

# A slow dataset is asked about fewer samples, a fast stream about more where order is in doubt.
SECONDS = 5.0
BYTES = 256 * 2**20
FURTHER = 16

Wanted = frozenset[int]


def twice(loader: Any, samples: int, wanted: Wanted) -> Repeat:
    """The first of two readings against the second; ``wanted`` are objects to watch meanwhile."""
    if isinstance(loader, DataLoader) and type(loader).__iter__ is DataLoader.__iter__:
        if isinstance(loader.dataset, IterableDataset):
            return _stream(loader.dataset, samples, wanted, lambda item: [sample.freeze(item)], "dataset")
        return _indexed(loader, samples, wanted)
    return _stream(loader, samples, wanted, sample.rows, "loader")


def _indexed(loader: DataLoader[Any], samples: int, wanted: Wanted) -> Repeat:
    """The same indices of the dataset read twice, then the same samples collated twice."""
    chosen = indices(loader, samples)
    start = worker.starter(loader)
    with watch.methods_run(wanted) as used:
        start()
        raw = list(items(loader.dataset, chosen))
        first = [sample.freeze(item) for item in raw]
    start()
    second = [sample.freeze(item) for item in items(loader.dataset, chosen[: len(first)])]
    _demand_leaves(first)
    changes = in_order(first, second)
    if not changes and (collated := _collated(loader, raw, wanted)) is not None:
        both = None if used is None else (collated.used or frozenset()) | used
        return replace(collated, used=both)
    return Repeat(len(first), tuple(changes), "dataset", None if used is None else frozenset(used))


def _demand_leaves(samples: Sequence[Sample]) -> None:
    if samples and not any(samples):
        raise Unanswerable("no part of a sample could be compared: it holds no tensor, number or text")


def indices(loader: DataLoader[Any], samples: int) -> list[Any]:
    """Indices spread over the dataset, or the sampler's own first ones where it chooses among them."""
    batches = loader.batch_sampler
    try:
        if batches is not None and type(batches) is not BatchSampler:
            return list(islice((index for batch in batches for index in batch), samples))
        if type(loader.sampler) not in (SequentialSampler, RandomSampler):
            return list(islice(loader.sampler, samples))
        length = len(loader.dataset)  # type: ignore[arg-type]
        count = min(length, samples)
        return [length * place // count for place in range(count)]
    except Exception as error:
        raise Unanswerable(f"the loader's sampler raised {type(error).__name__}: {error}") from None


def items(dataset: Any, chosen: Sequence[Any], seconds: float = SECONDS) -> Iterator[Any]:
    """The samples of these indices, as far as time allows. Raises :class:`Unanswerable` if one raises."""
    deadline = time.monotonic() + seconds
    for place, index in enumerate(chosen):
        if place >= 2 and time.monotonic() > deadline:
            return
        try:
            item = dataset[index]
        except Exception as error:
            raise Unanswerable(f"dataset[{index!r}] raised {type(error).__name__}: {error}") from None
        yield item


def _collated(loader: DataLoader[Any], raw: list[Any], wanted: Wanted) -> Repeat | None:
    """Equal samples, put together twice: a collate function may draw too. None if it does not."""
    together: Any = raw if loader.batch_sampler is not None else raw[:1]
    if not together:
        return None
    try:
        with watch.methods_run(wanted) as used:
            first = sample.rows(collate(loader, together))
        second = sample.rows(collate(loader, together))
    except Exception:
        # Samples of several lengths need not fit together; the dataset itself has been asked.
        return None
    changes: list[Change] = in_order(first, second) if len(first) == len(second) else []
    return Repeat(len(first), tuple(changes), "collate_fn", frozenset(used or ())) if changes else None


def collate(loader: DataLoader[Any], raw: list[Any]) -> Any:
    """What the loader's own function makes of some samples."""
    assert loader.collate_fn is not None
    return loader.collate_fn(list(raw) if loader.batch_sampler is not None else raw[0])


def _stream(
    stream: Iterable[Any],
    samples: int,
    wanted: Wanted,
    cut: Callable[[Any], list[Sample]],
    where: str,
) -> Repeat:
    """Two passes over the beginning of something that can only be iterated."""
    with watch.methods_run(wanted) as used:
        first, _ = _pass(stream, samples, cut)
    _demand_leaves(first)
    second, _ = _pass(stream, samples, cut)
    changes: list[Change] = in_order(first, second) if len(first) == len(second) else [Change((), 1.0)]
    if changes:
        # Another order, or other samples? Short streams are read to their end to know.
        (first, one), (second, two) = (_pass(stream, FURTHER * samples, cut) for _ in range(2))
        changes = unordered(first, second, ended=one and two)
    # What ran in a worker process was not seen here.
    elsewhere = getattr(stream, "num_workers", 0)
    seen = None if elsewhere or used is None else frozenset(used)
    return Repeat(len(first), tuple(changes), where, seen)


def beginning(stream: Iterable[Any], limit: int, cut: Callable[[Any], list[Sample]]) -> list[Sample]:
    """The first samples of one pass. Raises :class:`Unanswerable` for a one-shot iterator."""
    return _pass(stream, limit, cut)[0]


def _pass(stream: Iterable[Any], limit: int, cut: Callable[[Any], list[Sample]]) -> tuple[list[Sample], bool]:
    """Samples from the start of one pass, and whether that was all of them."""
    read: list[Sample] = []
    deadline, size = time.monotonic() + SECONDS, 0
    try:
        iterator = iter(stream)
        if iterator is stream:
            raise Unanswerable(
                "this is a one-shot iterator, and reading it would use it up; pass a DataLoader, a list of "
                "batches or an object whose __iter__ starts afresh"
            )
        for item in iterator:
            pieces = cut(item)
            read += pieces
            size += sum(sample.weight(piece) for piece in pieces)
            if len(read) >= limit or size > BYTES or time.monotonic() > deadline:
                return read[:limit], False
    except Unanswerable:
        raise
    except Exception as error:
        raise Unanswerable(f"iterating it raised {type(error).__name__}: {error}") from None
    return read, True
