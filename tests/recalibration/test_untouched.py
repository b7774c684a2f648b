"""Nothing but the statistics changes, and these can be had back."""

from __future__ import annotations

import random

import numpy
import pytest
import torch
from torch import nn

import evalcheck
from evalcheck.recalibration import sizing, writing
from tests.guard.fingerprint import bits, fingerprint
from tests.recalibration.nets import batches, inputs, net

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def prints(model: nn.Module) -> dict[str, object]:
    """Everything that must stay, without the buffers that may change (their identity stays)."""
    found = fingerprint(model)
    del found["model"]
    return {
        name: value[0] if name.startswith("buffer") and name.endswith(STATISTICS) else value
        for name, value in found.items()
    }


def trained() -> nn.Sequential:
    model = net().train()
    model[3].eval()  # dropout switched off by hand
    model(inputs(8)).sum().backward()
    model[0].register_forward_hook(lambda *_: None)
    return model


def test_only_the_statistics_change() -> None:
    """Modes, parameters, gradients, hooks, momentum, other buffers, generators."""
    model = trained()
    model.register_buffer("other", torch.randn(3))
    loader = torch.utils.data.DataLoader(
        inputs(50), batch_size=10, shuffle=True, generator=torch.Generator().manual_seed(3)
    )
    before, own = prints(model), bits(loader.generator.get_state())
    made = evalcheck.recalibrate(model, loader)
    assert prints(model) == before
    assert bits(loader.generator.get_state()) == own
    assert [change.module for change in made.changes] == ["1", "6"]
    assert model[1].momentum == 0.1


def test_a_trial_gives_the_old_statistics_back() -> None:
    """Bit for bit at the end of the block, on an exception too, and by restore()."""
    model = trained()
    model[1].running_var[0] = float("nan")
    old = {key: bits(value) for key, value in model.state_dict().items()}
    with evalcheck.recalibrate(model, batches(inputs(50), 10)) as made:
        assert {key: bits(value) for key, value in model.state_dict().items()} != old
        assert model[1].running_var.isfinite().all()
    assert {key: bits(value) for key, value in model.state_dict().items()} == old
    made.restore()
    with pytest.raises(ZeroDivisionError), evalcheck.recalibrate(model, batches(inputs(50), 10)):
        raise ZeroDivisionError
    evalcheck.recalibrate(model, batches(inputs(50), 10)).restore()
    assert {key: bits(value) for key, value in model.state_dict().items()} == old


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, RuntimeError])
@pytest.mark.parametrize("where", ["loader", "model"])
def test_what_goes_wrong_midway_changes_nothing(
    error: type[BaseException], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a bit, whatever it was that ended the pass."""
    model = trained()
    state = {"calls": 0}

    def fail(*_: object) -> None:
        state["calls"] += 1
        if state["calls"] > 2:
            raise error("enough")

    def loader():
        for batch in batches(inputs(2000), 200):
            if where == "loader":
                fail()
            yield batch

    if where == "model":
        model[5].register_forward_hook(fail)
    before = fingerprint(model)
    monkeypatch.setattr(sizing, "size_for", lambda *_, **__: 100)
    with pytest.raises((error, evalcheck.Complaint)):
        evalcheck.recalibrate(model, loader())
    assert fingerprint(model) == before


def test_an_interrupt_while_writing_undoes_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """All norms or none."""
    model = net()
    old = {key: bits(value) for key, value in model.state_dict().items()}
    put, count = writing._put, [0]

    def interrupted(buffer: torch.Tensor, values: torch.Tensor) -> None:
        count[0] += 1
        put(buffer, values)
        if count[0] == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evalcheck.recalibrate(model, batches(inputs(50), 10))
    assert {key: bits(value) for key, value in model.state_dict().items()} == old


def test_an_interrupt_while_restoring_restores_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is in a hurry gets the old statistics, and the interrupt."""
    model = net()
    old = {key: bits(value) for key, value in model.state_dict().items()}
    made = evalcheck.recalibrate(model, batches(inputs(50), 10))
    put, count = writing._put, [0]

    def interrupted(buffer: torch.Tensor, values: torch.Tensor) -> None:
        count[0] += 1
        if count[0] == 3:
            raise KeyboardInterrupt
        put(buffer, values)

    monkeypatch.setattr(writing, "_put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made.restore()
    assert {key: bits(value) for key, value in model.state_dict().items()} == old


def test_generators_go_on_as_if_nothing_had_happened() -> None:
    """torch's, numpy's and python's, though the pass is seeded."""
    model = net()  # which seeds torch's
    states = bits(torch.get_rng_state()), repr(numpy.random.get_state()), random.getstate()
    evalcheck.recalibrate(model, batches(inputs(50), 10), seed=7)
    assert (bits(torch.get_rng_state()), repr(numpy.random.get_state()), random.getstate()) == states


def test_autocast_around_it_stays_on() -> None:
    """The model is used so: statistics are those of what its norms are then given."""
    model, x = net(), inputs(400)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        evalcheck.recalibrate(model, batches(x, 50))
        given = model[0](x).detach()
    assert given.dtype is torch.bfloat16
    flat = given.double().transpose(0, 1).flatten(1)
    assert torch.allclose(model[1].running_mean.double(), flat.mean(1), atol=1e-6)
    assert torch.allclose(model[1].running_var.double(), flat.var(1), rtol=1e-5)


def test_weights_cast_without_gradients_serve_no_later_step() -> None:
    """autocast keeps what it cast until its block ends: training would go on without gradients."""
    model = net(0.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        evalcheck.recalibrate(model, batches(inputs(50), 10))
        model(inputs(8)).float().sum().backward()
    assert model[0].weight.grad is not None
    assert model[5].weight.grad is not None


def test_norms_that_are_frozen_stay_as_they_are() -> None:
    """Left in eval by the model's own train(), or by hand while the model is in train mode."""

    class Frozen(nn.Sequential):
        def train(self, mode: bool = True) -> Frozen:
            super().train(mode)
            self[1].eval()
            return self

    by_method, by_hand = Frozen(*net()), net().train()
    by_hand[1].eval()
    for model in (by_method, by_hand):
        made = evalcheck.recalibrate(model, batches(inputs(50), 10))
        assert [change.module for change in made.changes] == ["6"]
        assert model[1].running_mean.eq(0).all()
