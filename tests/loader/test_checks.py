"""What the two rules about evaluation data say of a loader."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, Subset, SubsetRandomSampler

from evalcheck.checks.loader import (
    nondeterministic_eval_data,
    random_transform_in_eval,
    shared_dataset_after_split,
)
from evalcheck.finding import Sighting, Unanswerable
from evalcheck.loader import LoaderView


class RandomErasing:
    """Stands in for torchvision's."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, image: Any) -> Any:
        return image + torch.rand(()) if torch.rand(()) < self.p else image


class Images(Dataset[Any]):
    """Images with a transform that is applied, and one that is only kept."""

    def __init__(self, transform: Any = None, train_transform: Any = None) -> None:
        self.transform, self.train_transform = transform, train_transform

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> Any:
        image = torch.arange(4.0) + index
        return self.transform(image) if self.transform else image


RandomErasing.__module__ = "torchvision.transforms.transforms"
RandomErasing.__qualname__ = "RandomErasing"


def transforms_in(loader: Any, role: Any = "eval") -> list[Sighting]:
    return list(random_transform_in_eval.check(LoaderView(loader, role), {}))


def data_of(loader: Any, role: Any = "eval") -> list[Sighting]:
    return list(nondeterministic_eval_data.check(LoaderView(loader, role), {"tolerance": 1e-5}))


def test_a_random_transform_that_runs_is_measured() -> None:
    """Both rules speak: one of the transform, one of the data, with the likely reason."""
    loader = DataLoader(Images(RandomErasing(1.0)), batch_size=8)
    (seen,) = transforms_in(loader)
    assert (seen.place.module, seen.strength) == ("dataset.transform", "usual")
    assert seen.message == "RandomErasing runs on evaluation data: 16 of 16 samples differ when read again."
    (data,) = data_of(loader)
    assert data.place.module == "dataset"
    assert data.message.endswith("of their own spread; likely because of RandomErasing (dataset.transform).")


def test_a_random_transform_that_is_only_kept_is_not_reported() -> None:
    """The dataset of both splits holds the training pipeline, and does not use it here."""
    assert transforms_in(DataLoader(Images(train_transform=RandomErasing()))) == []


def test_a_transform_that_leaves_no_trace_is_cleared_only_if_it_would_have() -> None:
    """No effect on these samples clears it; too rare to tell keeps a doubt."""

    class Idle(RandomErasing):
        def __call__(self, image: Any) -> Any:
            return image

    Idle.__module__, Idle.__qualname__ = RandomErasing.__module__, "RandomErasing"
    assert [s.strength for s in transforms_in(DataLoader(Images(Idle(0.5))))] == ["cleared"]
    assert [s.strength for s in transforms_in(DataLoader(Images(Idle(0.01))))] == ["slight"]


def test_training_data_may_be_random() -> None:
    """Neither rule asks about the loader that trains."""
    loader = DataLoader(Images(RandomErasing(1.0)))
    assert transforms_in(loader, "train") == data_of(loader, "train") == []


def test_a_loader_that_cannot_be_read_still_shows_its_transforms() -> None:
    """The rule about the data leaves a gap; the transform is held, and unwatched."""

    class Broken(Images):
        def __getitem__(self, index: int) -> Any:
            raise OSError("no such image")

    loader = DataLoader(Broken(RandomErasing(), train_transform=RandomErasing()))
    assert [(s.place.module, s.strength) for s in transforms_in(loader)] == [
        ("dataset.transform", "usual"),
        ("dataset.train_transform", "slight"),
    ]
    with pytest.raises(Unanswerable, match="no such image"):
        data_of(loader)


def test_transforms_that_cannot_be_seen_leave_a_gap() -> None:
    """Unless the data is steady: then there is nothing to look for."""

    class Stream:
        def __init__(self, noise: float) -> None:
            self.noise = noise

        def __iter__(self) -> Iterator[Any]:
            return (torch.full((4, 2), 9.0 * i) + self.noise * torch.randn(4, 2) for i in range(6))

    assert transforms_in(Stream(0.0)) == []
    assert transforms_in([torch.zeros(4, 2)]) == []
    with pytest.raises(Unanswerable, match="no dataset behind this loader"):
        transforms_in(Stream(1.0))


def test_the_part_that_differs_is_in_the_evidence() -> None:
    """A table counts the samples by part."""

    class Labels(Images):
        def __getitem__(self, index: int) -> Any:
            return torch.zeros(3), torch.rand(())

    (seen,) = data_of(DataLoader(Labels()))
    assert seen.evidence[-1].rows == (("[1]", "16"),)  # type: ignore[union-attr]


def shared(train: Any, evaluation: Any) -> list[Sighting]:
    view = LoaderView(evaluation, "eval")
    view.other = LoaderView(train, "train", other=view)
    return list(shared_dataset_after_split.check(view, {}))


def test_parts_of_one_random_dataset_are_reported_once() -> None:
    """By subsets or by samplers of indices; the transform is named where it is known."""
    data = Images(RandomErasing(1.0))
    one, two = Subset(data, range(20)), Subset(data, range(20, 32))
    (seen,) = shared(DataLoader(one), DataLoader(two))
    assert (seen.place.module, seen.strength) == ("dataset.dataset", "usual")
    assert "(RandomErasing)" in seen.message
    (seen,) = shared(
        DataLoader(data, sampler=SubsetRandomSampler(range(20))),
        DataLoader(data, sampler=SubsetRandomSampler(range(20, 32))),
    )
    assert seen.place.module == "dataset"


def test_a_transform_that_two_datasets_share_is_reported() -> None:
    """A shallow copy of the dataset still holds the same transform."""
    data = Images(RandomErasing(1.0))
    one, two = Subset(data, range(20)), Subset(copy.copy(data), range(20, 32))
    (seen,) = shared(DataLoader(one), DataLoader(two))
    assert seen.place.module == "dataset.dataset.transform"


def test_parts_that_differ_in_what_is_random_are_fine() -> None:
    """Two datasets, a steady one, a whole one beside itself, a transform that is held and not used."""
    noisy, steady = Images(RandomErasing(1.0)), Images()
    assert shared(DataLoader(Subset(noisy, range(20))), DataLoader(Subset(steady, range(20)))) == []
    assert shared(DataLoader(Subset(steady, range(20))), DataLoader(Subset(steady, range(20, 32)))) == []
    assert shared(DataLoader(noisy), DataLoader(noisy)) == []
    held = Images(train_transform=RandomErasing())
    assert shared(DataLoader(Subset(held, range(20))), DataLoader(Subset(held, range(20, 32)))) == []


def test_test_time_augmentation_by_name_is_meant() -> None:
    """A dataset or an attribute that says so is random on purpose."""

    class TTADataset(Images):
        pass

    loader = DataLoader(TTADataset(RandomErasing(1.0)), batch_size=8)
    assert transforms_in(loader) == data_of(loader) == []


def test_a_profiler_that_runs_is_left_alone() -> None:
    """There can be only one: the transform then counts as unwatched."""

    def profiler(*_: Any) -> None:
        return None

    sys.setprofile(profiler)
    try:
        (seen,) = transforms_in(DataLoader(Images(RandomErasing(1.0)), batch_size=8))
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert "could not be watched" in seen.message


def test_samples_without_anything_to_compare_are_a_gap() -> None:
    """Silence would look like steady data."""

    class Opaque(Images):
        def __getitem__(self, index: int) -> Any:
            return object()

    with pytest.raises(Unanswerable, match="no part of a sample could be compared"):
        data_of(DataLoader(Opaque(), collate_fn=list))
