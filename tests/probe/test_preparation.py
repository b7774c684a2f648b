"""Evaluation inputs are brought to the moments of training inputs, where they are far off and comparable."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evalcheck.batch import Batch, join
from evalcheck.probe.pool import Pool
from evalcheck.probe.statistics import preparation


def pool(*inputs, targets=None, **named):
    size = len(inputs[0]) if inputs else len(next(iter(named.values())))
    batch = Batch(inputs, named, targets, size)
    return Pool("held", (batch,), join([batch]), size)


@settings(max_examples=30, deadline=None)
@given(factor=st.floats(0.01, 200).filter(lambda f: not 0.6 < f < 1.6), offset=st.floats(-50, 50))
def test_scale_and_offset_are_undone(factor, offset):
    torch.manual_seed(0)
    images = torch.randn(64, 3, 4, 4) * torch.tensor([1.0, 2.0, 3.0])[:, None, None]
    found = preparation.alike(pool(factor * images + offset), pool(images))
    assert torch.allclose(found.whole.args[0], images, atol=1e-2)


def test_what_is_as_in_training_is_left_and_so_are_targets():
    torch.manual_seed(0)
    x, y = torch.randn(64, 8), torch.randn(64, 8)
    held = pool(x, targets=y)
    assert preparation.alike(held, pool(torch.randn(64, 8))) is held
    both = preparation.alike(
        pool(inputs=5 * x, labels=9 * y, targets=9 * y), pool(inputs=x, labels=y, targets=y)
    )
    assert torch.equal(both.whole.kwargs["labels"], 9 * y)
    assert torch.allclose(both.whole.kwargs["inputs"], x, atol=1e-4)


def test_constant_features_are_not_blown_up():
    torch.manual_seed(0)
    x = torch.randn(64, 4)
    x[:, 0] = 1.0
    found = preparation.alike(pool(10 * x), pool(x)).whole.args[0]
    assert torch.allclose(found, x, atol=1e-4)


@pytest.mark.parametrize(
    "there",
    [torch.randn(64, 4, 4, 3), (255 * torch.rand(64, 3, 4, 4)).byte(), torch.randn(64, 48)],
    ids=["layout", "type", "shape"],
)
def test_other_types_and_layouts_cannot_be_brought_together(there):
    assert preparation.alike(pool(torch.randn(64, 3, 4, 4)), pool(there)) is None
