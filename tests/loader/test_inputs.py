"""Training inputs against evaluation inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from evalcheck.checks.loader import preprocessing_mismatch
from evalcheck.finding import Sighting, Table, Unanswerable
from evalcheck.loader import LoaderView, inputs
from evalcheck.loader.sample import freeze

OPTIONS = {"shift": 0.5, "ratio": 1.5}


def compared(train: Any, evaluation: Any) -> list[Sighting]:
    view = LoaderView(evaluation, "eval")
    view.other = LoaderView(train, "train", other=view)
    return list(preprocessing_mismatch.check(view, OPTIONS))


def images(seed: int, count: int = 64, size: int = 8) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def loader(tensor: torch.Tensor, **kwargs: Any) -> Any:
    return DataLoader(TensorDataset(tensor, torch.arange(len(tensor)) % 4), batch_size=8, **kwargs)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    scale=st.floats(0.85, 1.15),
    shift=st.floats(-0.03, 0.03),
    size=st.integers(6, 12),
    count=st.integers(9, 64),
)
def test_augmentation_and_chance_are_not_reported(
    seed: int, scale: float, shift: float, size: int, count: int
) -> None:
    """Other samples of one distribution, a little brighter or duller, of another size."""
    train = images(seed, count, size).flip(-1) * scale + shift
    assert compared(loader(train, shuffle=True), loader(images(seed + 1))) == []


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    change=st.sampled_from(["scaled", "normalised", "centred", "half", "layout", "bytes", "grey"]),
)
def test_another_preparation_is_reported(seed: int, change: str) -> None:
    """Factor, normalisation, mean, layout, type and number of channels."""
    made = {
        "scaled": lambda x: 255 * x,
        "normalised": lambda x: (x - 0.45) / 0.225,
        "centred": lambda x: x - 0.5,
        "half": lambda x: 2 * x - 1,
        "layout": lambda x: x.permute(0, 2, 3, 1),
        "bytes": lambda x: (255 * x).to(torch.uint8),
        "grey": lambda x: x[:, :1],
    }[change]
    (seen,) = compared(loader(made(images(seed))), loader(images(seed + 1)))
    assert seen.strength == "usual"
    assert isinstance(seen.evidence[-1], Table)
    assert [row[1] for row in seen.evidence[-1].rows] == ["train", "eval"]


def test_padding_with_a_value_that_is_there_is_augmentation() -> None:
    """It moves the mean far, and the range not at all."""
    train = images(0)
    train[:, :, :, 2:] = 0
    assert compared(loader(train), loader(images(1))) == []


def test_another_width_of_the_same_kind_is_a_hint() -> None:
    """float64 against float32 is seldom meant, and seldom harmful."""
    (seen,) = compared(loader(images(0).double()), loader(images(1)))
    assert (seen.strength, "float32 instead of float64" in seen.message) == ("slight", True)


def test_of_integers_only_the_type_is_compared() -> None:
    """Token ids have no mean."""
    few, many = torch.randint(0, 10, (64, 12)), torch.randint(0, 9000, (64, 12))
    assert compared(loader(few), loader(many)) == []
    (seen,) = compared(loader(few.float()), loader(many))
    assert "int64 instead of float32" in seen.message


def test_the_first_samples_of_a_stream_are_a_hint() -> None:
    """They need not be like the others."""

    class Stream(IterableDataset[Any]):
        def __init__(self, scale: float) -> None:
            self.scale = scale

        def __iter__(self) -> Iterator[Any]:
            return ((self.scale * image, 0) for image in images(0))

    (seen,) = compared(DataLoader(Stream(255.0), 8), DataLoader(Stream(1.0), 8))
    assert seen.strength == "slight"
    assert compared(DataLoader(Stream(1.0), 8), DataLoader(Stream(1.0), 8)) == []


def test_a_wrapper_that_normalises_is_read_from_outside() -> None:
    """What the model gets counts, and not what the loader inside gives."""

    class Normalising:
        def __init__(self, inner: Any) -> None:
            self.loader = inner

        def __iter__(self) -> Iterator[Any]:
            return ((x.float() / 255, y) for x, y in self.loader)

    raw = loader((255 * images(0)).to(torch.uint8))
    assert compared(Normalising(raw), loader(images(1))) == []


def test_what_cannot_be_compared_is_a_gap() -> None:
    """Other names of the parts; a loader that would be used up; a sample that cannot be read."""
    one = DataLoader([{"image": image} for image in images(0)], 8)
    two = DataLoader([{"photo": image} for image in images(0)], 8)
    with pytest.raises(Unanswerable, match="no input in common"):
        compared(one, two)
    with pytest.raises(Unanswerable, match="one-shot"):
        compared((x for x in one), two)
    with pytest.raises(Unanswerable, match="a training loader was not given"):
        list(preprocessing_mismatch.check(LoaderView(one, "eval"), OPTIONS))


def test_few_samples_tell_nothing_of_means() -> None:
    """Below eight there is no interval; type and layout are still seen."""
    assert compared(loader(255 * images(0, 4)), loader(images(1, 4))) == []


@dataclasses.dataclass
class Pair:
    image: Any
    target: Any


def test_targets_are_no_inputs() -> None:
    """By name in mappings and dataclasses, by place in a pair; single numbers are none either."""
    image, mask = torch.zeros(3, 8, 8), torch.zeros(8, 8)
    for sample in ({"image": image, "label": mask}, Pair(image, mask), (image, mask)):
        (path,) = inputs.parts([freeze(sample)])
        assert path in ("image", "[0]")
    assert set(inputs.parts([freeze((image, mask, 3))])) == {"[0]", "[1]"}
    assert inputs.parts([freeze(image)])[""].channels == ("first", 3)


def test_collated_samples_are_what_is_compared() -> None:
    """Normalising may be the work of the collate function."""

    def scaled(samples: list[Any]) -> Any:
        return torch.stack([x for x, _ in samples]) / 255, torch.tensor([y for _, y in samples])

    assert compared(loader(255 * images(0), collate_fn=scaled), loader(images(1))) == []
