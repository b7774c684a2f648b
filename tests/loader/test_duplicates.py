"""Generators that workers copy, measured against what real workers draw."""

from __future__ import annotations

import random
from typing import Any

import numpy
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from evalcheck.checks.loader import worker_rng_duplicated
from evalcheck.finding import Sighting
from evalcheck.guard import restored_randomness
from evalcheck.loader import LoaderView


class Noisy(Dataset[Any]):
    """The same clean sample everywhere, with noise from a function of the dataset."""

    def __init__(self, draw: Any, **attributes: Any) -> None:
        self.draw = draw
        self.__dict__ |= attributes

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> Any:
        return torch.tensor(float(self.draw(self)))


def once(data: Any) -> float:
    """Seeds its generator at the first read within a worker."""
    info = get_worker_info()
    if info is not None and not data.started:
        data.rng, data.started = numpy.random.default_rng(info.seed), True
    return float(data.rng.random())


def by_torch(data: Any) -> float:
    """The same by ``torch.initial_seed``."""
    if not data.started:
        data.rng.seed(torch.initial_seed() % 2**32)
        data.started = True
    return float(data.rng.random())


def reseeded(worker: int) -> None:
    info = get_worker_info()
    assert info is not None
    info.dataset.rng = numpy.random.default_rng(info.seed)  # type: ignore[attr-defined]


MODULE = random.Random(3)

CASES: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "default_rng": (lambda d: d.rng.random(), {"rng": lambda: numpy.random.default_rng(0)}, None),
    "RandomState": (lambda d: d.rng.rand(), {"rng": lambda: numpy.random.RandomState(0)}, None),
    "random.Random": (lambda d: d.rng.random(), {"rng": lambda: random.Random(0)}, None),
    "torch.Generator": (lambda d: torch.rand((), generator=d.rng), {"rng": torch.Generator}, None),
    "of the module": (lambda d: MODULE.random(), {}, None),
    "with a global draw": (
        lambda d: d.rng.random() + random.random(),
        {"rng": lambda: random.Random(0)},
        None,
    ),
    "global": (lambda d: numpy.random.rand() + random.random() + torch.rand(()), {}, None),
    "kept and not used": (lambda d: torch.rand(()), {"rng": lambda: random.Random(0)}, None),
    "the system's": (lambda d: d.rng.random(), {"rng": random.SystemRandom}, None),
    "seeded once": (once, {"rng": lambda: numpy.random.default_rng(0), "started": bool}, None),
    "seeded by torch": (by_torch, {"rng": lambda: numpy.random.RandomState(0), "started": bool}, None),
    "worker_init_fn": (lambda d: d.rng.random(), {"rng": lambda: numpy.random.default_rng(0)}, reseeded),
    "the same each time": (
        lambda d: numpy.random.default_rng(3).random(),
        {"rng": lambda: random.Random(0)},
        None,
    ),
}


def made(case: str, **kwargs: Any) -> DataLoader[Any]:
    draw, attributes, start = CASES[case]
    data = Noisy(draw, **{name: value() for name, value in attributes.items()})
    return DataLoader(data, 4, worker_init_fn=start, **kwargs)


def said(loader: Any, role: Any = "train") -> list[Sighting]:
    other = LoaderView(loader, "eval")
    return list(worker_rng_duplicated.check(LoaderView(loader, role, other=other), {}))


@pytest.mark.parametrize("case", sorted(CASES))
def test_what_is_said_is_what_real_workers_draw(case: str) -> None:
    """Two processes are started, and their kept generators give the same numbers or others."""
    found = said(made(case, num_workers=2))
    with restored_randomness():
        torch.manual_seed(0)
        batches = [batch.tolist() for batch in made(case, num_workers=2)]
    equal = batches[0] == batches[1]
    moving = len(set(batches[0])) > 1
    if case == "with a global draw":
        equal = True  # the sum differs, the kept part is the same
    assert bool(found) == (equal and moving)


def test_the_generator_is_named_by_its_path() -> None:
    """With its class; its state and the dataset's attributes are as before."""
    loader = made("seeded once", num_workers=2)
    before = loader.dataset.rng.bit_generator.state  # type: ignore[attr-defined]
    assert said(loader) == []
    assert loader.dataset.started is False  # type: ignore[attr-defined]
    assert loader.dataset.rng.bit_generator.state == before  # type: ignore[attr-defined]
    (seen,) = said(made("RandomState", num_workers=2))
    assert seen.place.module == "train_loader.dataset.rng"
    assert "the numpy.RandomState at train_loader.dataset.rng" in seen.message
    assert "all 2 workers draw the same numbers and each epoch begins" in seen.message


def test_without_copies_nothing_is_said() -> None:
    """No workers, one that lives on, evaluation data, a loader without a dataset."""
    assert said(made("RandomState")) == []
    assert said(made("RandomState", num_workers=1, persistent_workers=True)) == []
    assert said(made("RandomState", num_workers=2), "eval") == []
    assert said([torch.zeros(2)]) == []


def test_one_worker_repeats_its_numbers_in_each_epoch() -> None:
    """Workers that live on differ from epoch to epoch, and still draw alike."""
    (seen,) = said(made("RandomState", num_workers=1))
    assert "workers draw the same" not in seen.message
    assert "each epoch begins with the same numbers again" in seen.message
    (seen,) = said(made("RandomState", num_workers=2, persistent_workers=True))
    assert "each epoch begins" not in seen.message
