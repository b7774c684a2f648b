"""Which views of one memory share an element: held against the memory itself."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from evalcheck.graph.recording.memory import region


@st.composite
def views(draw: st.DrawFn) -> Tensor:
    """A slice of a small memory along each dimension, sometimes transposed or reshaped."""
    view = torch.arange(24).reshape(4, 6)
    for dim in range(2):
        start = draw(st.integers(0, view.shape[dim] - 1))
        stop = draw(st.integers(start + 1, view.shape[dim]))
        step = draw(st.sampled_from([1, 1, 2]))
        view = view[start:stop:step] if dim == 0 else view[:, start:stop:step]
    return view.T if draw(st.booleans()) else view


MEMORY = torch.arange(24)


@given(views(), views())
def test_views_that_share_an_element_are_never_taken_for_apart(one: Tensor, two: Tensor) -> None:
    """The other way round is allowed: where layouts differ, the ends decide."""
    a, b = region(one), region(two)
    assert a is not None
    assert b is not None
    shared = bool(set(one.flatten().tolist()) & set(two.flatten().tolist()))
    assert a.meets(b) or not shared


def test_halves_of_a_chunk_are_apart() -> None:
    """Columns and rows of one layout are told apart exactly."""
    whole = torch.zeros(4, 6)
    for dim in (0, 1):
        halves = [region(part) for part in whole.chunk(2, dim)]
        assert halves[0] is not None
        assert halves[1] is not None
        assert not halves[0].meets(halves[1])
        whole_region = region(whole)
        assert whole_region is not None
        assert whole_region.meets(halves[1])
