"""``--input`` as tensors."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evalcheck.cli import inputs
from evalcheck.complaint import Complaint


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.sampled_from(sorted(inputs.DTYPES)))
def test_shape_and_dtype_are_as_written(shape: list[int], dtype: str) -> None:
    """Whatever the sizes."""
    (made,) = inputs.make(["x".join(map(str, shape)) + ":" + dtype], 0)
    assert list(made.shape) == shape
    assert made.dtype == getattr(torch, dtype)


def test_the_seed_decides() -> None:
    """The same for the same seed; the global generator is not drawn from."""
    before = torch.get_rng_state()
    one, two, other = (inputs.make(["8x3", "8x16:int64<1000"], seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0], other[0])
    assert one[0].dtype == torch.float32
    assert 100 < one[1].max() < 1000
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("8,3", "--input '8,3' is not understood: write it like 8x3x32x32 or 8x128:int64<1000"),
        ("8x", "--input '8x' is not understood: write it like 8x3x32x32 or 8x128:int64<1000"),
        ("8x0", "--input '8x0' would be empty: sizes and bounds begin at 1"),
        ("8x3:int64<0", "--input '8x3:int64<0' would be empty: sizes and bounds begin at 1"),
        ("8x3:float32<5", "--input '8x3:float32<5': only integers have a bound"),
        ("8x3:uint8<1000", "--input '8x3:uint8<1000': uint8 ends at 255"),
    ],
)
def test_a_spec_that_is_not_understood_is_refused(spec: str, line: str) -> None:
    """In one line, with an example."""
    with pytest.raises(Complaint) as complaint:
        inputs.make([spec], 0)
    assert str(complaint.value) == line


def test_an_unknown_dtype_names_the_nearest() -> None:
    """And all there are."""
    with pytest.raises(
        Complaint, match=r"has no dtype 'int46' \(did you mean 'int64'\?\); there are float32, "
    ):
        inputs.make(["8x3:int46"], 0)


def test_more_than_memory_holds_is_said_in_one_line() -> None:
    """An allocator's message is nobody's way out."""
    with pytest.raises(Complaint, match=r"is more than memory holds: write a smaller size"):
        inputs.make(["99999999x3x9999x9999"], 0)
