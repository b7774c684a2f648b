"""The statistics are those of the data, whatever the batches look like."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import evalcheck
from evalcheck.recalibration import sizing
from tests.recalibration.nets import batches, exact, inputs, net, statistics


def off(found, right) -> float:
    """The largest difference, in standard deviations and of the variance."""
    return max(
        max(
            float(((found[p][0] - right[p][0]) / right[p][1].sqrt()).abs().max()),
            float((found[p][1] / right[p][1] - 1).abs().max()),
        )
        for p in right
    )


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(4, 90),
    size=st.integers(1, 40),
    order=st.sampled_from(["as it is", "sorted", "reversed"]),
    scale=st.sampled_from([0.01, 1.0, 30.0]),
    weights=st.integers(0, 1000),
)
def test_all_samples_weigh_the_same(count: int, size: int, order: str, scale: float, weights: int) -> None:
    """Ragged tails, batches of one, sorted batches: as if all were one batch in float64."""
    x = scale * inputs(count)
    x = x[torch.argsort(x.sum((1, 2, 3)))] if order == "sorted" else x
    x = x.flip(0) if order == "reversed" else x
    model = net(seed=weights)
    right = exact(copy.deepcopy(model), x)
    evalcheck.recalibrate(model, batches(x, size))
    assert off(statistics(model), right) < 1e-3


@pytest.mark.parametrize(("size", "limit"), [(16, 0.05), (64, 0.015), (200, 0.01)])
def test_smaller_batches_are_nearly_as_good(size: int, limit: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of one pass falls with the batch size, here on data sorted by kind with a ragged tail."""
    monkeypatch.setattr(sizing, "size_for", lambda *_, **__: size)
    x = torch.cat([inputs(1003)[0::2], inputs(1003)[1::2]])
    model = net()
    right = exact(copy.deepcopy(model), x)
    made = evalcheck.recalibrate(model, batches(x, 25))
    assert off(statistics(model), right) < limit
    assert made.batch_size <= 1.5 * size
    assert made.samples == 1003


def test_the_first_norm_is_exact_at_any_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing before it is normalised: counts weigh the batches and variance between them counts."""
    monkeypatch.setattr(sizing, "size_for", lambda *_, **__: 7)
    x = inputs(101)
    model = net()
    right = exact(copy.deepcopy(model), x)
    evalcheck.recalibrate(model, batches(x, 10))
    assert off({"1": statistics(model)["1"]}, {"1": right["1"]}) < 1e-5


def test_samples_that_do_not_fit_are_shuffled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sample is still used once, and no remainder is small."""
    from evalcheck.recalibration import recalibrating

    feed = recalibrating.Feed
    monkeypatch.setattr(recalibrating, "Feed", lambda *args: feed(*args, held=3000))
    monkeypatch.setattr(sizing, "size_for", lambda *_, **__: 20)
    x = inputs(203)
    model = net()
    right = exact(copy.deepcopy(model), x)
    made = evalcheck.recalibrate(model, batches(x, 6))
    assert made.samples == 203
    assert "shuffled within" in made.reasons[0]
    assert off({"1": statistics(model)["1"]}, {"1": right["1"]}) < 1e-5


def test_dropout_is_off_and_noise_is_not_averaged_in() -> None:
    """torch's update_bn leaves dropout on: these statistics are those of eval mode."""
    x = inputs(400)
    noisy, quiet = net(0.8), net(0.0)
    evalcheck.recalibrate(noisy, batches(x, 50))
    evalcheck.recalibrate(quiet, batches(x, 50))
    assert torch.equal(noisy[6].running_var, quiet[6].running_var)


def test_memory_that_ends_halves_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was collected of the batch that failed does not count."""

    class Small(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if len(x) > 30:
                raise torch.OutOfMemoryError
            return x

    x = inputs(100)
    model = net()
    right = exact(copy.deepcopy(model), x)
    full = nn.Sequential(*model[:3], Small(), *model[3:])
    made = evalcheck.recalibrate(full, batches(x, 20))
    assert made.samples == 100
    assert made.batch_size == 25
    assert "memory did not hold larger batches" in made.reasons[0]
    assert torch.allclose(full[1].running_mean.double(), right["1"][0], atol=1e-5)
    assert torch.allclose(full[1].running_var.double(), right["1"][1], rtol=1e-5)


def test_calls_that_see_the_same_data_are_pooled() -> None:
    """Harmless reuse of a norm is no reason to refuse it."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(x) + self.norm(x.flip(0))

    x = torch.randn(300, 3) * 4 + 1
    model = Twice()
    made = evalcheck.recalibrate(model, [x])
    assert made.changes[0].calls == 2
    assert torch.allclose(model.norm.running_mean, x.mean(0), atol=1e-5)
    assert torch.allclose(model.norm.running_var, x.var(0), rtol=1e-2)


def test_the_same_seed_gives_the_same_statistics() -> None:
    """And another one may give others, where only part of the data is used."""

    def made(seed: int) -> torch.Tensor:
        loader = torch.utils.data.DataLoader(inputs(300), batch_size=10, shuffle=True)
        model = net()
        evalcheck.recalibrate(model, loader, samples=50, seed=seed)
        return model[1].running_mean

    assert torch.equal(made(0), made(0))
    assert not torch.equal(made(0), made(1))


@pytest.mark.parametrize("momentum", [1e-17, 5e-324])
def test_no_momentum_is_too_small_for_the_counter(momentum: float) -> None:
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=momentum))
    evalcheck.recalibrate(model, [torch.randn(40, 3)])
    assert int(model[0].num_batches_tracked) == 2**53
