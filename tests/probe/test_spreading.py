"""Samples are drawn from the whole of an epoch, whatever order the data lie in."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from evalcheck.probe.spreading import scattered, spread


@given(st.integers(0, 300))
def test_every_batch_comes_once(count):
    """Whatever their number."""
    assert sorted(scattered(count)) == list(range(count))


@given(st.integers(8, 300), st.integers(4, 40))
def test_any_beginning_is_spread_over_the_whole(count, taken):
    """No stretch of the epoch is left out by more than four times its share."""
    first = sorted([*scattered(count)][:taken])
    gaps = [b - a for a, b in zip([-1, *first], [*first, count], strict=True)]
    assert max(gaps) <= 4 * max(1, count / taken) + 1


def sorted_data() -> TensorDataset:
    return TensorDataset(torch.arange(1000.0).unsqueeze(1), torch.arange(1000) // 100)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_sorted_by_class_gives_all_classes_early(workers):
    """As an image folder read without shuffling; the batches are still those of the loader."""
    loader = DataLoader(sorted_data(), batch_size=10, num_workers=workers)
    batches = [batch for _, batch in zip(range(20), spread(loader, 200), strict=False)]
    assert {int(y) for _, classes in batches for y in classes} == set(range(10))
    assert all(bool((x.diff(dim=0) == 1).all()) for x, _ in batches)


def test_what_is_shuffled_or_short_comes_as_it_is():
    """Nothing is gained there, and the user's sampler is the user's."""
    shuffled = DataLoader(sorted_data(), batch_size=10, shuffle=True)
    short = DataLoader(sorted_data(), batch_size=10)
    assert spread(shuffled, 200) is shuffled
    assert spread(short, 1000) is short
    endless = iter(lambda: 1, 0)
    assert spread(endless, 10) is endless
