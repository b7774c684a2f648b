"""How labels are mixed in batches, and what is said of the order of training data."""

from __future__ import annotations

import itertools
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    Subset,
    TensorDataset,
)

from evalcheck.checks.loader import train_not_shuffled
from evalcheck.finding import Unanswerable
from evalcheck.loader import LoaderView, labels

CLASSES = torch.arange(4).repeat_interleave(40)
SORTED = TensorDataset(torch.randn(160, 3), CLASSES)
MIXED = TensorDataset(torch.randn(160, 3), torch.arange(160) % 4)


def strengths(loader: Any) -> list[str]:
    view = LoaderView(loader, "train")
    return [seen.strength for seen in train_not_shuffled.check(view, {"mix": 0.5})]


class Read(Dataset[Any]):
    """Labels that are known only by reading a sample; counts what is read."""

    def __init__(self, make: Any, size: int = 160) -> None:
        self.make, self.size, self.reads = make, size, 0

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Any:
        self.reads += 1
        return self.make(index)


def test_sorted_classes_in_order_are_a_warning() -> None:
    """Mixed ones in order are a note; any random order is fine."""
    assert strengths(DataLoader(SORTED, 16)) == ["usual"]
    assert strengths(DataLoader(MIXED, 16)) == ["slight"]
    assert strengths(DataLoader(SORTED, 16, shuffle=True)) == []


@settings(max_examples=60, deadline=None)
@given(
    classes=st.integers(2, 8),
    each=st.integers(20, 60),
    batch=st.integers(4, 16),
    seed=st.integers(0, 99),
)
def test_the_mix_of_random_batches_is_as_expected(classes: int, each: int, batch: int, seed: int) -> None:
    """Sorted data is far below it, permuted data is not, whatever the sizes."""
    targets = torch.arange(classes).repeat_interleave(each)
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    mixes = [
        LoaderView(DataLoader(TensorDataset(targets.float(), y), batch), "train").label_mix
        for y in (targets, targets[order])
    ]
    assert all(mix is not None and mix.free for mix in mixes)
    found = [mix.ratio < 0.5 and mix.chance < 0.001 for mix in mixes if mix is not None]
    assert found == [True, False]


def test_labels_are_read_where_the_dataset_keeps_none() -> None:
    """From pairs, mappings and named tuples, and only from some samples."""
    named = namedtuple("named", "x target")
    for make in (
        lambda i: (torch.zeros(2), i // 40),
        lambda i: {"image": torch.zeros(2), "label": torch.tensor(i // 40)},
        lambda i: named(torch.zeros(2), CLASSES[i].numpy()),
    ):
        data = Read(make)
        assert strengths(DataLoader(data, 16)) == ["usual"]
        assert data.reads <= 160


def test_targets_that_are_no_classes_tell_nothing() -> None:
    """Real numbers, masks: the order is known all the same."""
    for make in (lambda i: (torch.zeros(2), i / 40), lambda i: (torch.zeros(2), torch.zeros(4, 4))):
        assert strengths(DataLoader(Read(make), 16)) == ["slight"]


def test_kept_labels_are_followed_through_subsets() -> None:
    """And through concatenations; only whole numbers of the right length are labels."""
    part = Subset(SORTED, list(range(0, 160, 2)))
    assert labels.known(part).tolist() == CLASSES[::2].tolist()  # type: ignore[union-attr]
    assert len(labels.known(ConcatDataset([SORTED, part]))) == 240  # type: ignore[arg-type]
    assert labels.known(TensorDataset(torch.randn(4, 2), torch.randn(4))) is None
    assert labels.known(ConcatDataset([SORTED, Read(lambda i: i)])) is None


def test_an_order_that_is_meant_or_mixed_before_is_fine() -> None:
    """Time series, random splits, one batch that holds everything."""

    class TimeSeriesDataset(TensorDataset):
        pass

    assert strengths(DataLoader(TimeSeriesDataset(*SORTED.tensors), 16)) == []
    assert strengths(DataLoader(Subset(SORTED, torch.randperm(160).tolist()), 16)) == []
    assert strengths(DataLoader(SORTED, 160)) == []


def test_batches_of_a_stream_are_judged_by_their_labels() -> None:
    """Neither an endless stream nor a list is exhausted or drawn from twice."""

    class Endless(IterableDataset[Any]):
        def __iter__(self) -> Iterator[Any]:
            return ((torch.zeros(2), i // 40 % 4) for i in itertools.count())

    assert strengths(DataLoader(Endless(), 16)) == ["usual"]
    batches = [(torch.zeros(8, 2), torch.full((8,), i % 3)) for i in range(12)]
    assert strengths(batches) == ["usual"]
    assert strengths([(torch.zeros(8, 2), torch.arange(8) % 3) for _ in range(12)]) == []


def test_an_order_that_nothing_tells_is_a_gap() -> None:
    """A sampler of unknown meaning over data without labels."""

    class Mine(Sampler[int]):
        def __iter__(self) -> Iterator[int]:
            return iter(range(8))

    with pytest.raises(Unanswerable, match="neither a sampler nor labels"):
        strengths(DataLoader(TensorDataset(torch.randn(8, 2)), 4, sampler=Mine()))
