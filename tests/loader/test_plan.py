"""What is said of a loader's order and sizes, against what iterating it really gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from evalcheck.checks.loader import distributed_eval_padding, eval_loader_drops_or_shuffles
from evalcheck.finding import Sighting, Unanswerable
from evalcheck.loader import LoaderView, plan

SAMPLERS = {
    "sequential": lambda data: SequentialSampler(data),
    "random": lambda data: RandomSampler(data),
    "replacement": lambda data: RandomSampler(data, replacement=True),
    "fewer": lambda data: RandomSampler(data, num_samples=max(1, len(data) // 2)),
    "weighted": lambda data: WeightedRandomSampler([1.0] * len(data), len(data)),
    "subset": lambda data: SubsetRandomSampler(range(0, len(data), 2)),
    "list": lambda data: list(range(len(data))),
}


def drops(loader: Any) -> list[Sighting]:
    return list(eval_loader_drops_or_shuffles.check(LoaderView(loader, "eval"), {}))


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(SAMPLERS)),
    size=st.integers(1, 40),
    batch=st.integers(1, 12),
    drop_last=st.booleans(),
)
def test_sizes_are_those_of_a_pass(kind: str, size: int, batch: int, drop_last: bool) -> None:
    """Batches, samples lost and remainder, for every sampler of torch."""
    data = list(range(size))
    loader = DataLoader(data, batch, sampler=SAMPLERS[kind](data), drop_last=drop_last)
    seen = plan.read(loader)
    batches = [tensor.tolist() for tensor in loader]
    read = sum(map(len, batches))
    assert seen.batches == len(batches)
    assert seen.drawn is not None
    assert seen.dropped == seen.drawn - read
    assert seen.size == size
    if batches and not drop_last:
        assert len(batches[-1]) == (seen.remainder or batch)


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(sorted(SAMPLERS)),
    size=st.integers(2, 40),
    batch=st.integers(1, 12),
    drop_last=st.booleans(),
)
def test_a_warning_is_a_pass_that_misses_or_repeats_samples(
    kind: str, size: int, batch: int, drop_last: bool
) -> None:
    """A loader that gives every sample once is at most a note; a sampler of chosen indices is believed."""
    data = list(range(size))
    loader = DataLoader(data, batch, sampler=SAMPLERS[kind](data), drop_last=drop_last)
    warned = any(sighting.strength == "usual" for sighting in drops(loader))
    wanted = set(range(0, size, 2)) if kind == "subset" else set(data)
    passes = [Counter(i for tensor in loader for i in tensor.tolist()) for _ in range(6)]
    whole = all(set(seen) == wanted and max(seen.values()) == 1 for seen in passes)
    if kind in ("replacement", "weighted"):
        assert warned
    else:
        assert warned != whole


@settings(max_examples=100, deadline=None)
@given(size=st.integers(1, 60), replicas=st.integers(1, 9), drop_last=st.booleans())
def test_repeated_samples_of_several_processes_are_counted(size: int, replicas: int, drop_last: bool) -> None:
    """As many as all processes together read twice."""
    data = list(range(size))
    if drop_last and size < replicas:
        return  # torch's own sampler refuses it
    parts = [
        DistributedSampler(data, replicas, rank, shuffle=False, drop_last=drop_last)
        for rank in range(replicas)
    ]
    read = Counter(index for part in parts for index in part)
    loader = DataLoader(data, 4, sampler=parts[0])
    assert plan.read(loader).padded == sum(read.values()) - len(read)
    said = list(distributed_eval_padding.check(LoaderView(loader, "eval"), {"share": 0.0}))
    assert bool(said) == (max(read.values()) > 1)
    lost = size - len(read)
    assert [s.message.split()[2] for s in drops(loader) if s.strength == "usual"] == [str(lost)] * bool(lost)


def test_the_order_is_known_by_the_sampler() -> None:
    """By classes of torch, by words in the names of others, by an attribute; else it is unknown."""
    data = list(range(8))
    orders = {kind: plan.read(DataLoader(data, sampler=make(data))).order for kind, make in SAMPLERS.items()}
    assert set(orders.values()) == {"sequential", "random"}
    assert [kind for kind, order in orders.items() if order == "sequential"] == ["sequential", "list"]

    class Mine(Sampler[int]):
        def __iter__(self) -> Iterator[int]:
            return iter(data)

    class ImbalancedDatasetSampler(Mine):
        pass

    class SubclassedSampler(SequentialSampler):
        def __iter__(self) -> Iterator[int]:
            return iter(torch.randperm(8).tolist())

    assert plan.read(DataLoader(data, sampler=Mine())).order == "unknown"
    assert plan.read(DataLoader(data, sampler=SubclassedSampler(data))).order != "random"
    assert plan.read(DataLoader(data, sampler=[3, 1, 2])).order == "fixed"
    ImbalancedDatasetSampler.__name__ = "BalancedSampler"
    assert plan.read(DataLoader(data, sampler=ImbalancedDatasetSampler())).order == "random"
    assert plan.read(DataLoader(data, sampler=DistributedSampler(data, 2, 0))).order == "random"


def test_batch_samplers_of_others_have_no_known_remainder() -> None:
    """Their batches may have any size; torch's own in a loader's argument is read like any other."""
    data = list(range(10))

    class Buckets(Sampler[list[int]]):
        def __iter__(self) -> Iterator[list[int]]:
            return iter([[0], [1, 2, 3]])

    seen = plan.read(DataLoader(data, batch_sampler=Buckets()))
    assert (seen.own_batches, seen.drawn, seen.remainder, seen.dropped) == (True, None, None, 0)
    seen = plan.read(DataLoader(data, batch_sampler=BatchSampler(SequentialSampler(data), 4, True)))
    assert (seen.own_batches, seen.remainder, seen.batches, seen.order) == (False, 2, 2, "sequential")


def test_wrappers_are_looked_into() -> None:
    """The loader that does the work says what is said of the wrapper."""

    class Prefetcher:
        def __init__(self, loader: Any) -> None:
            self.loader = loader

        def __getattr__(self, name: str) -> Any:
            return getattr(self.__dict__["loader"], name)

        def __iter__(self) -> Iterator[Any]:
            return iter(self.loader)

    (said,) = drops(Prefetcher(Prefetcher(DataLoader(list(range(10)), 4, drop_last=True))))
    assert said.message == "drop_last=True leaves 2 of 10 samples out of each evaluation."


class Stream(IterableDataset[int]):
    """Ten numbers, with a buffer that mixes them or not."""

    def __init__(self, shuffle_buffer: int = 0) -> None:
        self.shuffle_buffer = shuffle_buffer

    def __iter__(self) -> Iterator[int]:
        return iter(range(10))


def test_streams_are_mixed_where_a_buffer_says_so() -> None:
    """Without one nothing is claimed; samples lost at the end of a stream cannot be counted."""
    assert plan.read(DataLoader(Stream(), 4)).order == "unknown"
    assert plan.read(DataLoader(Stream(100), 4)).order == "random"
    assert drops(DataLoader(Stream(), 4)) == []
    (said,) = drops(DataLoader(Stream(), 4, drop_last=True))
    assert (said.strength, "cannot be told" in said.message) == ("slight", True)


def test_a_stream_with_a_length_is_counted() -> None:
    """Unless several workers cut batches of their own shares."""

    class Long(Stream):
        def __len__(self) -> int:
            return 10

    assert plan.read(DataLoader(Long(), 4, drop_last=True)).dropped == 2
    assert plan.read(DataLoader(Long(), 4, num_workers=2)).remainder is None


def test_what_is_no_loader_is_not_judged() -> None:
    """A list is read in order; of anything else nothing is known, and that is said."""
    assert drops([torch.zeros(4, 2)]) == []
    with pytest.raises(Unanswerable, match="how this loader goes over its data"):
        drops(torch.zeros(1) for _ in range(3))


def test_nothing_is_drawn_for_a_plan() -> None:
    """Neither samples nor indices."""

    class Never(Sampler[int]):
        def __iter__(self) -> Iterator[int]:
            raise AssertionError

        def __len__(self) -> int:
            return 7

    class Closed(list[int]):
        def __getitem__(self, index: Any) -> Any:
            raise AssertionError

    assert plan.read(DataLoader(Closed(range(7)), 3, sampler=Never())).remainder == 1
