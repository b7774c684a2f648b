"""In which order training data comes: what the sampler says, and how labels are mixed in batches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from torch.utils.data import Subset

from evalcheck.finding import Unanswerable
from evalcheck.loader import drawing, labels, reading, sample
from evalcheck.loader.labels import Mix
from evalcheck.loader.plan import Plan
from evalcheck.loader.sample import Sample
from evalcheck.loader.samplers import ascending

# Batches that are looked at, spread over the pass; samples of each where they must be read for it.
BATCHES, FREE = 8, 64
READ, SECONDS = 8, 2.0

# The order of the samples means something.
_MEANT = re.compile(
    r"time_?series|sequential|forecast|window|horizon|temporal|stream|bptt|episode|replay|rollout|video|"
    r"frames|curriculum|continual|incremental|online|language_?model|causal_?lm|next_?token",
    re.I,
)


def is_meant(datasets: Sequence[tuple[str, Any]]) -> bool:
    """Whether the class of a dataset names a time series or another order that means something."""
    kinds = (kind for _, dataset in datasets for kind in type(dataset).__mro__)
    return any(_MEANT.search(kind.__name__) for kind in kinds)


def is_mixed(datasets: Sequence[tuple[str, Any]]) -> bool:
    """Whether the dataset was mixed before, or mixes by itself: its indices are in no order."""
    return any(_mixed(dataset) for _, dataset in datasets)


def _mixed(dataset: Any) -> bool:
    own = getattr(dataset, "__dict__", {})
    if any("shuffl" in name.lower() and value is True for name, value in own.items()):
        return True
    # The map of Hugging Face datasets is there after a shuffle or a split.
    if own.get("_indices") is not None:
        return True
    indices = dataset.indices if isinstance(dataset, Subset) else own.get("indices")
    return indices is not None and ascending(indices) is False


def label_mix(loader: Any, plan: Plan) -> Mix | None:
    """How labels are mixed in the batches of one pass; None without class labels to be read.

    Labels that the dataset keeps cost nothing. Otherwise some samples of some batches are read.
    """
    try:
        if plan.style != "indexed" or not drawing.is_plain(loader):
            return _of_batches(loader, plan)
        groups = list(_groups(loader, plan))
        kept = labels.known(loader.dataset)
        if kept is not None:
            return labels.mix([kept[group].tolist() for group in groups], kept.tolist(), free=True)
        return _read(loader, [group[:READ] for group in groups[:: max(1, len(groups) // BATCHES)]])
    except Unanswerable:
        return None


def _groups(loader: Any, plan: Plan) -> Iterator[list[int]]:
    """The indices of some batches as the sampler would give them."""
    if loader.batch_sampler is None:
        return
    try:
        batches = plan.batches
        step = max(1, batches // FREE) if batches else 1
        for batch in islice(loader.batch_sampler, 0, FREE * step, step):
            group = list(batch)
            if not all(isinstance(index, int) for index in group):
                return
            yield group
    except Exception as error:
        raise Unanswerable(f"the loader's sampler raised {type(error).__name__}: {error}") from None


def _read(loader: Any, groups: Sequence[Sequence[int]]) -> Mix | None:
    """Samples are read for their labels, in turns, so that slow data still shows several batches."""
    turns = [
        (number, group[turn])
        for turn in range(READ)
        for number, group in enumerate(groups)
        if turn < len(group)
    ]
    batches: list[list[int]] = [[] for _ in groups]
    read = reading.items(loader.dataset, [index for _, index in turns], SECONDS)
    for (number, _), item in zip(turns, read, strict=False):
        label = labels.label(item)
        if label is None:
            return None
        batches[number].append(label)
    spread = reading.indices(loader, len(turns))
    every = [labels.label(item) for item in reading.items(loader.dataset, spread, SECONDS)]
    overall = [label for label in every if label is not None]
    return labels.mix(batches, overall + [label for batch in batches for label in batch])


def _of_batches(loader: Any, plan: Plan) -> Mix | None:
    """The first batches of something that can only be iterated."""
    found: list[list[int | None]] = []
    if plan.style == "stream" and drawing.is_plain(loader):
        size = plan.batch_size or 1
        every: list[int | None] = []

        def note(item: Any) -> list[Sample]:
            every.append(labels.label(item))
            return [{}]

        reading.beginning(loader.dataset, BATCHES * size, note)
        found = [every[start : start + size] for start in range(0, len(every), size)]
    else:

        def cut(batch: Any) -> list[Sample]:
            rows = sample.rows(batch)
            found.append([labels.in_row(row) for row in rows])
            return rows

        reading.beginning(loader, FREE * BATCHES, cut)
    batches = [[label for label in batch if label is not None] for batch in found]
    if batches != found:
        return None
    return labels.mix(batches, [label for batch in batches for label in batch])
