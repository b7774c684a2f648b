"""The data: scikit-learn's digits and diabetes, split once, and batches of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

try:
    from sklearn.datasets import load_diabetes, load_digits
except ModuleNotFoundError:
    sys.exit("benchmarks/labelled.py needs scikit-learn: pip install scikit-learn")

Change = Callable[[Tensor], Tensor]


def _split(inputs: Tensor, targets: Tensor, held: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))
    train, rest = order[:-held], order[-held:]
    return inputs[train], targets[train], inputs[rest], targets[rest]


@cache
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """1297 training images (N, 1, 8, 8) in [-1, 1] with their classes, and 500 held ones."""
    images, classes = load_digits(return_X_y=True)
    scaled = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 8 - 1
    return _split(scaled, torch.tensor(classes), 500)


@cache
def diabetes() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """342 training rows (N, 10), standardised, with a standardised target (N, 1), and 100 held ones."""
    rows, target = load_diabetes(return_X_y=True)
    inputs = torch.tensor(rows, dtype=torch.float32)
    targets = torch.tensor(target, dtype=torch.float32)[:, None]
    return _split((inputs - inputs.mean(0)) / inputs.std(0), (targets - targets.mean()) / targets.std(), 100)


def unchanged(inputs: Tensor) -> Tensor:
    return inputs


def flat(images: Tensor) -> Tensor:
    """(N, 1, 8, 8) -> (N, 64)."""
    return images.flatten(1)


def rows_as_steps(images: Tensor) -> Tensor:
    """(N, 1, 8, 8) -> (N, 8, 8): a sequence of eight rows."""
    return images.squeeze(1)


def batches(inputs: Tensor, targets: Tensor, size: int, shuffle: bool) -> DataLoader:
    """Shuffled ones leave out the remainder, which batch norm would suffer from."""
    return DataLoader(TensorDataset(inputs, targets), size, shuffle=shuffle, drop_last=shuffle)


def training(size: int, view: Change = unchanged) -> DataLoader:
    """The digits to train on, in shuffled batches."""
    images, classes, _, _ = digits()
    return batches(view(images), classes, size, shuffle=True)


def evaluation(view: Change = unchanged) -> DataLoader:
    """The held digits in batches of 100."""
    _, _, images, classes = digits()
    return batches(view(images), classes, 100, shuffle=False)


class Grouped:
    """A sampler of whole batches: each holds samples of one kind, in shuffled order."""

    def __init__(self, kinds: Tensor, size: int) -> None:
        self.kinds, self.size = kinds, size

    def _cut(self) -> list[list[int]]:
        found = []
        for kind in self.kinds.unique().tolist():
            members = torch.where(self.kinds == kind)[0]
            mixed = members[torch.randperm(len(members))]
            found += [part.tolist() for part in mixed.split(self.size) if len(part) == self.size]
        return found

    def __iter__(self) -> Iterator[list[int]]:
        parts = self._cut()
        for index in torch.randperm(len(parts)).tolist():
            yield parts[index]

    def __len__(self) -> int:
        return len(self._cut())


def grouped(inputs: Tensor, targets: Tensor, kinds: Tensor, size: int) -> DataLoader:
    """Batches of one kind each: by class, by subject, by recording."""
    return DataLoader(TensorDataset(inputs, targets), batch_sampler=Grouped(kinds, size))
