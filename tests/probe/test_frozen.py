"""Values that were frozen come back, and every change to them is seen."""

from __future__ import annotations

import copy
from collections import deque

import numpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from evalcheck.probe.state.frozen import freeze, same, shown, thaw

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.floats(width=32), max_size=3).map(torch.tensor),
    st.lists(st.integers(0, 9), max_size=3).map(numpy.array),
)
values = st.one_of(
    leaves,
    st.lists(leaves, max_size=3),
    st.tuples(leaves, leaves),
    st.dictionaries(st.integers(0, 5), leaves, max_size=3),
    st.lists(leaves, max_size=3).map(lambda items: deque(items, maxlen=5)),
)


class Holder:
    def __init__(self, value):
        self.value = value


@given(values)
def test_what_was_frozen_comes_back_and_is_the_same(value):
    ice = freeze(value)
    assert same(ice, freeze(copy.deepcopy(value)))
    back = thaw(ice)
    assert type(back) is type(value)
    assert same(ice, freeze(back))
    assert isinstance(shown(ice), str)


@settings(max_examples=50)
@given(st.lists(values, min_size=1, max_size=3), values)
def test_a_change_is_seen_and_taken_back(items, other):
    held = Holder(items)
    ice = freeze(held)
    changed = not same(freeze(items[0]), freeze(other))
    held.value[0] = other
    assert same(ice, freeze(held)) != changed
    assert thaw(ice) is held
    assert same(ice, freeze(held))


def test_a_tensor_written_in_place_is_another():
    tensor = torch.zeros(3)
    ice = freeze([tensor])
    tensor[1] = -0.0
    assert not same(ice, freeze([tensor]))
    assert thaw(ice)[0].tolist() == [0.0, 0.0, 0.0]


def test_modules_and_parameters_are_told_by_identity():
    layer = nn.Linear(2, 2)
    ice = freeze({"layer": layer, "weight": layer.weight})
    with torch.no_grad():
        layer.weight.zero_()
    assert same(ice, freeze({"layer": layer, "weight": layer.weight}))
    assert thaw(ice)["layer"] is layer
