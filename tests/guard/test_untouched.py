"""Whatever is done to a model under guard, it comes back bit for bit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from evalcheck.guard import untouched
from tests.guard.fingerprint import fingerprint
from tests.guard.meddler import Meddler, changes


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(changes(Meddler()))), max_size=6))
def test_any_sequence_of_changes_is_undone(names):
    """Properties hold for every combination of changes, not only for those that we thought of."""
    model = Meddler()
    model.layer.weight.grad = torch.ones(4, 4)
    before, hidden = fingerprint(model), fingerprint(model.hidden[0])
    version = model.norm.running_mean._version
    with untouched(model):
        for name in names:
            try:
                changes(model)[name]()
            except (AttributeError, RuntimeError, KeyError, TypeError):
                continue
    assert fingerprint(model) == before
    assert fingerprint(model.hidden[0]) == hidden
    assert model.norm.running_mean._version == version


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit, SystemExit])
def test_exceptions_and_interrupts_leave_the_model_as_it_was(error):
    """The way out does not matter."""
    model = Meddler()
    before = fingerprint(model.norm)

    def run():
        with untouched(model):
            model.train()
            model.norm(torch.randn(8, 4))
            raise error

    with pytest.raises(error):
        run()
    assert fingerprint(model.norm) == before


def test_a_pending_backward_pass_still_works():
    """Buffers are swapped, not copied back: their versions do not move under a graph that saved them."""
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    loss = model(torch.randn(8, 4)).sum()
    with untouched(model):
        model(torch.randn(8, 4))
    loss.backward()
    assert model[0].weight.grad is not None


def test_nan_values_count_as_equal():
    """A model with NaN in it is given back without being written to."""
    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight.fill_(float("nan"))
    version = model.weight._version
    with untouched(model):
        model(torch.randn(3, 2))
    assert model.weight._version == version


def test_shared_buffers_stay_shared_inside():
    """Two modules that hold one buffer hold one clone under guard."""
    a, b = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    b.running_mean = a.running_mean
    model = nn.ModuleList([a, b])
    with untouched(model):
        assert a.running_mean is b.running_mean
    assert a.running_mean is b.running_mean
