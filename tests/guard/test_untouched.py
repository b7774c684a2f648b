"""Whatever is done to a model under guard, it comes back bit for bit."""

from __future__ import annotations

import random

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from evalcheck.guard import untouched
from tests.guard.fingerprint import fingerprint


class Meddler(nn.Module):
    """Writes all that a forward can write: attributes, containers, buffers, norms, its own weights."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.layer = nn.Linear(4, 4)
        self.hidden = [nn.BatchNorm1d(4)]
        self.count, self.history, self.cache = 0, [], {"last": None}
        self.register_buffer("seen", torch.zeros(4))
        self.plain = torch.zeros(2)

    def forward(self, x):
        self.count += 1
        self.history.append(self.count)
        self.cache["last"] = x
        self.seen += x.mean(0)
        self.plain += 1
        self.norm.momentum = 0.5
        with torch.no_grad():
            self.layer.weight.mul_(1.5)
        return self.hidden[0](self.norm(self.layer(x)))


def changes(model):
    """One change each of many kinds, by name."""
    x = torch.randn(8, 4)
    return {
        "forward": lambda: model(x),
        "eval": lambda: model.eval(),
        "train": lambda: model.train(),
        "reset statistics": lambda: model.norm.reset_running_stats(),
        "new buffer": lambda: model.norm.__setattr__("running_mean", torch.ones(4)),
        "backward": lambda: model.norm(model.layer(x)).sum().backward(),
        "freeze": lambda: model.requires_grad_(False),
        "hook": lambda: model.norm.register_forward_hook(lambda *_: None),
        "attribute": lambda: setattr(model, "new", 3),
        "delete": lambda: delattr(model, "count"),
        "draw": lambda: (torch.rand(3), numpy.random.rand(3), random.random()),
        "no grad": lambda: torch.set_grad_enabled(False),
        "fast path": lambda: torch.backends.mha.set_fastpath_enabled(False),
        "swap module": lambda: setattr(model, "layer", nn.Linear(4, 4)),
        "weights": lambda: model.layer.weight.data.fill_(7.0),
    }


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
            except (AttributeError, RuntimeError):
                continue
    after = fingerprint(model)
    if "weights" in names or "forward" in names:
        for key in [k for k in before if k.startswith("parameter")]:
            # A parameter that was written to is put back by value: only its version has moved.
            assert before[key][:3] == after[key][:3]
        before = {k: v for k, v in before.items() if not k.startswith("parameter")}
        after = {k: v for k, v in after.items() if not k.startswith("parameter")}
    assert after == before
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
