"""The chain of datasets behind a loader, and the transforms that it holds."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

from evalcheck.loader import LoaderView


class Held(Dataset[Any]):
    """A dataset with whatever attributes it is given."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__ |= attributes

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return torch.zeros(1)


class Flip:
    """A stand-in for a transform of a library that need not be installed."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, image: Any) -> Any:
        return image


class Compose:
    def __init__(self, transforms: list[Any], p: float = 1.0) -> None:
        self.transforms, self.p = transforms, p

    def __call__(self, image: Any) -> Any:
        return image


Flip.__module__ = "torchvision.transforms.v2._geometry"
Flip.__qualname__ = "RandomHorizontalFlip"
Compose.__module__ = "torchvision.transforms.transforms"


def view(dataset: Any) -> LoaderView:
    return LoaderView(DataLoader(dataset), "eval")


def paths(dataset: Any) -> list[str]:
    return [t.path for t in view(dataset).transforms if t.path.startswith("dataset")]


def test_wrappers_are_followed_to_the_datasets_inside() -> None:
    """Subset and ConcatDataset, and any wrapper with ``dataset`` or ``datasets``."""
    inner = Held()
    chain = view(Subset(ConcatDataset([inner, Held(dataset=inner)]), [0])).datasets
    assert [path for path, _ in chain] == ["dataset", "dataset.dataset"] + [
        f"dataset.dataset.datasets[{i}]" for i in (0, 1)
    ]


def test_transforms_are_named_by_path_and_class() -> None:
    """Nested containers, network modules, dictionaries, partials and bound methods."""
    flip = Flip()
    data = Held(transform=Compose([nn.Identity(), flip]))
    assert paths(data) == [
        "dataset.transform",
        "dataset.transform.transforms[0]",
        "dataset.transform.transforms[1]",
    ]
    assert view(data).transforms[2].name == "torchvision.transforms.v2._geometry.RandomHorizontalFlip"
    assert paths(Held(target_transform={"mask": functools.partial(Flip())})) == [
        "dataset.target_transform['mask']"
    ]
    assert paths(Held(augmentations=nn.Sequential(nn.Identity()))) == [
        "dataset.augmentations",
        "dataset.augmentations[0]",
    ]
    assert paths(Held(tfms=[flip.__call__])) == ["dataset.tfms[0]"]


def test_class_attributes_are_read_and_properties_are_not_run() -> None:
    """A pipeline may stand on the class."""

    class Fixed(Held):
        transform = Flip()

        @property
        def transforms(self) -> Any:
            raise RuntimeError("not to be asked")

    assert paths(Fixed()) == ["dataset.transform"]


def test_random_transforms_are_known_by_their_library() -> None:
    """A probability of 0 or 1 draws nothing that matters, also around others."""
    assert [t.label for t in view(Held(transform=Compose([Flip()]))).random_transforms] == [
        "RandomHorizontalFlip"
    ]
    for silent in (Flip(0.0), Flip(1.0), Compose([Flip()], p=0)):
        assert view(Held(transform=Compose([silent]))).random_transforms == []


def test_a_container_that_chooses_is_random_itself() -> None:
    """The outermost random transform stands for those that it holds."""

    class RandomApply(Compose):
        pass

    RandomApply.__module__ = "torchvision.transforms.transforms"
    RandomApply.__qualname__ = "RandomApply"
    outer = view(Held(transform=RandomApply([Flip()], p=0.5))).random_transforms
    assert [t.path for t in outer] == ["dataset.transform"]
    assert view(Held(transform=RandomApply([Flip()], p=0.0))).random_transforms == []
    always = view(Held(transform=RandomApply([Flip()], p=1.0))).random_transforms
    assert [t.path for t in always] == ["dataset.transform.transforms[0]"]


def test_a_loop_of_wrappers_ends() -> None:
    """A dataset that wraps itself is seen once."""
    data = Held()
    data.dataset = data
    assert len(view(data).datasets) == 1
