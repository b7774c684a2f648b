"""Reading the same data twice: what counts as a difference, and what cannot be asked."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, default_collate

from evalcheck.finding import Unanswerable
from evalcheck.loader import LoaderView, Repeat

STEADY = TensorDataset(torch.arange(200.0).reshape(50, 4), torch.arange(50))


class Made(Dataset[Any]):
    """A dataset whose samples come from a function of the index."""

    def __init__(self, make: Any, length: int = 50) -> None:
        self.make, self.length = make, length
        self.reads: list[int] = []

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        self.reads.append(index)
        return self.make(index)


def noisy(index: int) -> tuple[Tensor, int]:
    return torch.arange(8.0) + index + 0.1 * torch.randn(8), index


def ask(loader: Any, samples: int = 16) -> Repeat:
    return LoaderView(loader, "eval", samples).repeat()


def test_equal_samples_are_no_difference() -> None:
    """A tensor dataset reads the same twice."""
    repeat = ask(DataLoader(STEADY, batch_size=8))
    assert (repeat.read, repeat.changes, repeat.where) == (16, (), "dataset")


@pytest.mark.parametrize("workers", [0, 2])
def test_shuffle_is_no_difference(workers: int) -> None:
    """The same indices are read, whatever the sampler's order."""
    assert ask(DataLoader(STEADY, batch_size=8, shuffle=True, num_workers=workers)).changes == ()


@pytest.mark.parametrize("workers", [0, 2])
def test_noise_on_the_fly_is_measured(workers: int) -> None:
    """Every sample changes; the size is the noise against the sample's own spread."""
    repeat = ask(DataLoader(Made(noisy), batch_size=8, num_workers=workers))
    assert len(repeat.changes) == 16
    assert {change.parts for change in repeat.changes} == {("[0]",)}
    assert repeat.size(1e-5) == pytest.approx(0.1 * math.sqrt(2) / 2.29, rel=0.5)


def test_rounding_is_below_the_tolerance() -> None:
    """A difference in the last digits counts as a change, and not as a fault."""
    loader = DataLoader(Made(lambda i: torch.arange(8.0) + 1e-6 * torch.randn(8)), batch_size=8)
    repeat = ask(loader)
    assert repeat.changes
    assert repeat.differing(1e-5) == ()


def test_targets_alone_may_differ() -> None:
    """The part that changed is named."""
    repeat = ask(DataLoader(Made(lambda i: {"x": torch.ones(3), "y": random.random()}), batch_size=8))
    assert {change.parts for change in repeat.changes} == {("y",)}


def test_another_shape_is_a_difference_without_a_size() -> None:
    """A random crop length cannot be subtracted."""
    repeat = ask(DataLoader(Made(lambda i: torch.ones(random.randrange(1, 10**6))), batch_size=1), 2)
    assert math.isinf(repeat.changes[0].size)
    assert repeat.size(1e-5) is None


def test_names_beside_numbers_do_not_count() -> None:
    """A path or an id that is made anew is no data."""
    assert (
        ask(DataLoader(Made(lambda i: (torch.ones(3), f"id-{random.random()}")), batch_size=8)).changes == ()
    )


def test_text_alone_is_the_data() -> None:
    """A dataset of raw text that is masked at random differs."""
    loader = DataLoader(Made(lambda i: f"word {random.random()}"), batch_size=8)
    assert len(ask(loader).changes) == 16


def test_a_tensor_that_is_written_in_place_is_seen() -> None:
    """One tensor handed out again and again would be equal to itself."""
    kept = torch.zeros(8)
    assert ask(DataLoader(Made(lambda i: kept.normal_()), batch_size=8)).changes


def test_arrays_and_nan_are_compared() -> None:
    """NaN at the same place is no difference; numpy arrays of any byte order are read."""
    array = numpy.array([1.0, numpy.nan, 3.0], dtype=">f4")
    assert ask(DataLoader(Made(lambda i: array), batch_size=8, collate_fn=list)).changes == ()


def test_a_collate_function_that_draws_is_found() -> None:
    """The dataset is steady, its batches are not."""

    def jitter(samples: list[Any]) -> Any:
        images, labels = default_collate(samples)
        return images + torch.randn_like(images), labels

    repeat = ask(DataLoader(STEADY, batch_size=8, collate_fn=jitter))
    assert repeat.where == "collate_fn"
    assert len(repeat.changes) == 16


def test_workers_copy_a_kept_generator_for_every_pass() -> None:
    """With workers the numbers repeat from pass to pass; without them they run on."""
    kept = numpy.random.default_rng(0)
    data = Made(lambda i: kept.normal(size=3))
    data.generator = kept  # type: ignore[attr-defined]
    assert ask(DataLoader(data, batch_size=8, num_workers=2)).changes == ()
    assert ask(DataLoader(data, batch_size=8)).changes


MODULE = numpy.random.default_rng(0)


def test_generators_of_the_module_and_the_class_are_copied_too() -> None:
    """A worker is a copy of the whole process."""

    class Data(Made):
        kept = random.Random(0)

        def __getitem__(self, index: int) -> Any:
            return torch.tensor([MODULE.normal(), self.kept.random()])

    before = MODULE.bit_generator.state
    assert ask(DataLoader(Data(None), batch_size=8, num_workers=2)).changes == ()
    assert ask(DataLoader(Data(None), batch_size=8)).changes
    assert MODULE.bit_generator.state == before


def test_worker_init_fn_that_seeds_makes_the_data_steady() -> None:
    """What the user does at the start of a worker is done here too."""
    loader = DataLoader(Made(noisy), batch_size=8, num_workers=1, worker_init_fn=torch.manual_seed)
    assert ask(loader).changes == ()


def test_few_samples_are_read_and_spread_over_the_dataset() -> None:
    """Sixteen indices out of a thousand, each read twice."""
    data = Made(lambda i: torch.tensor(float(i)), 1000)
    ask(DataLoader(data, batch_size=100, collate_fn=list))
    assert len(data.reads) == 32
    assert max(data.reads) > 900


def test_only_the_samplers_own_indices_are_read() -> None:
    """A sampler of some indices, and a batch sampler, choose what is read."""
    data = Made(float)
    ask(DataLoader(data, sampler=[40, 41], batch_size=2))
    ask(DataLoader(data, batch_sampler=[[45], [46]]))
    ask(DataLoader(Subset(data, [47]), batch_size=1))
    assert set(data.reads) == {40, 41, 45, 46, 47}


def test_an_endless_sampler_and_an_endless_stream_end() -> None:
    """Neither is exhausted."""

    class Zeros:
        def __iter__(self) -> Iterator[Tensor]:
            return itertools.repeat(torch.zeros(4, 2))

    assert ask(DataLoader(STEADY, sampler=_Endless(), batch_size=4)).read == 16
    assert ask(Zeros()).changes == ()


class _Endless:
    def __iter__(self) -> Iterator[int]:
        return itertools.cycle(range(50))


def test_generators_are_left_as_they_were() -> None:
    """Global, loader's, sampler's, and those kept on a dataset."""
    own = torch.Generator().manual_seed(1)
    data = Made(noisy)
    data.kept = [numpy.random.RandomState(3), numpy.random.default_rng(4), random.Random(5)]  # type: ignore[attr-defined]

    def draw(index: int) -> Tensor:
        state, modern, plain = data.kept  # type: ignore[attr-defined]
        return torch.rand(2) + state.rand() + modern.random() + plain.random() + random.random()

    data.make = draw
    loader = DataLoader(data, batch_size=4, shuffle=True, generator=own)

    def states() -> list[Any]:
        state, modern, plain = data.kept  # type: ignore[attr-defined]
        return [
            own.get_state().tolist(),
            torch.get_rng_state().tolist(),
            state.get_state()[1].tolist(),
            modern.bit_generator.state,
            plain.getstate(),
            random.getstate(),
        ]

    before = states()
    assert ask(loader).changes
    assert states() == before


def test_a_list_of_batches_is_steady() -> None:
    """Two passes over a list give the same objects."""
    assert ask([(torch.randn(8, 3), torch.arange(8)) for _ in range(4)]).changes == ()


def test_an_iterable_that_shuffles_is_steady() -> None:
    """Another order of the same samples, over a stream that ends."""

    class Shuffled:
        def __iter__(self) -> Iterator[Tensor]:
            return iter(torch.arange(96.0).reshape(48, 2)[torch.randperm(48)].split(8))

    assert ask(Shuffled()).changes == ()


def test_an_iterable_with_noise_differs() -> None:
    """The stream ends, and the samples are other ones."""

    class Noise(IterableDataset[Tensor]):
        def __iter__(self) -> Iterator[Tensor]:
            return (torch.randn(3) for _ in range(40))

    repeat = ask(DataLoader(Noise(), batch_size=4))
    assert len(repeat.changes) == repeat.read == 40


def test_an_endless_stream_with_noise_in_place_differs() -> None:
    """Each sample is nearest to its own counterpart: that is noise, and not another order."""

    class Stream:
        def __iter__(self) -> Iterator[Tensor]:
            return (
                torch.full((4, 3), 10.0 * i) + torch.arange(4)[:, None] + 0.01 * torch.randn(4, 3)
                for i in itertools.count()
            )

    assert ask(Stream()).changes


def test_an_endless_stream_in_random_order_cannot_be_asked() -> None:
    """Its beginnings differ, and so they would with random data."""

    class Stream:
        def __iter__(self) -> Iterator[Tensor]:
            return (torch.randint(0, 10**9, (4, 3)) for _ in itertools.count())

    with pytest.raises(Unanswerable, match="another order cannot be told from random data"):
        ask(Stream())


def test_a_one_shot_iterator_is_left_alone() -> None:
    """A generator is refused before anything is drawn from it."""
    batches = (torch.zeros(1) for _ in range(3))
    with pytest.raises(Unanswerable, match="one-shot iterator"):
        ask(batches)
    assert len(list(batches)) == 3


def test_a_dataset_that_raises_cannot_be_asked() -> None:
    """The index and the error are in the reason; asking again reads nothing again."""
    data = Made(lambda i: 1 / i)
    view = LoaderView(DataLoader(data), "eval")
    for _ in range(2):
        with pytest.raises(Unanswerable, match=r"dataset\[0\] raised ZeroDivisionError: division by zero"):
            view.repeat()
    assert data.reads == [0]
