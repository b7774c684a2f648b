"""The check that is printed: when it is content, and when not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import evalcheck
from evalcheck.recalibration import sizing
from tests.recalibration.nets import batches, inputs, net


def test_enough_shuffled_data_is_settled() -> None:
    """And a further pass would change next to nothing."""
    made = evalcheck.recalibrate(net(), batches(inputs(1000), 50))
    assert made.convergence.settled
    assert str(made).splitlines()[0] == "recalibrated 2 batch norms, from 1,000 samples (all at once)"
    assert "converged: two halves agree within chance; a further pass would move" in str(made)


def test_few_samples_are_said_to_be_few() -> None:
    """With a number that would do, and which does."""
    made = evalcheck.recalibrate(net(), batches(inputs(20), 10))
    assert not made.convergence.settled
    assert made.convergence.told.startswith("more samples are needed")
    enough = made.convergence.enough
    assert 100 <= enough <= 5000
    assert evalcheck.recalibrate(net(), batches(inputs(2 * enough), 50)).convergence.settled


def test_batches_that_drift_and_cannot_be_shuffled_are_not_settled() -> None:
    """The halves differ by more than the scatter of batches explains."""
    norm = nn.Sequential(nn.BatchNorm1d(32))
    loader = [torch.randn(50 + n, 2 + n % 2, 32).flatten(1)[:, :32] + (n >= 10) for n in range(20)]
    made = evalcheck.recalibrate(norm, [{"input": x, "note": x[:3, : 2 + len(x) % 5]} for x in loader],
                                 forward=lambda m, batch: m(batch["input"]))  # fmt: skip
    assert not made.convergence.settled


SORTED = inputs(1200)[torch.argsort(inputs(1200).sum((1, 2, 3)))]


@pytest.mark.parametrize("forms", [list, iter])
def test_a_part_of_sorted_batches_is_not_settled(forms) -> None:
    """They are shuffled before they are run, but those that were not read are missing; all of them do."""
    part = evalcheck.recalibrate(net(), forms(batches(SORTED, 100)), samples=700)
    assert not part.convergence.settled
    assert part.convergence.sorted
    assert "the loader's batches differ from each other, and only a part of them was read" in str(part)
    for samples in (1200, 10_000):
        assert evalcheck.recalibrate(net(), list(batches(SORTED, 100)), samples=samples).convergence.settled
    shuffled = SORTED[torch.randperm(1200, generator=torch.Generator().manual_seed(2))]
    some = evalcheck.recalibrate(net(), forms(batches(shuffled, 100)), samples=700).convergence
    assert not some.sorted


@pytest.mark.parametrize("sort", [True, False])
def test_large_batches_of_a_stream_are_looked_at_too(sort: bool) -> None:
    """Ten of twenty batches of a thousand are read; those of a sorted stream differ."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(20_000, 4, generator=draw) + 3 * (torch.arange(20_000) // 1000)[:, None]
    x = x if sort else x[torch.randperm(20_000, generator=draw)]
    found = evalcheck.recalibrate(nn.Sequential(nn.BatchNorm1d(4)), iter(x.split(1000)))
    assert (found.convergence.sorted, found.convergence.settled) == (sort, not sort)


def test_from_too_few_batches_nothing_is_said_of_their_order() -> None:
    """And that is said; not where the loader was read to its end."""
    x = torch.randn(20_000, 4, generator=torch.Generator().manual_seed(0))
    told = "whether the loader is sorted could not be told, for 2 batches were read"
    assert told in str(evalcheck.recalibrate(nn.Sequential(nn.BatchNorm1d(4)), x.split(5000)))
    assert "sorted" not in str(
        evalcheck.recalibrate(nn.Sequential(nn.BatchNorm1d(4)), x[:10_000].split(5000))
    )


def test_of_a_batch_that_is_too_large_not_the_beginning_is_taken() -> None:
    """It may be sorted."""
    x = torch.linspace(-1, 1, 4000)[:, None]
    model = nn.Sequential(nn.BatchNorm1d(1))
    made = evalcheck.recalibrate(model, [x], samples=2000)
    assert made.samples == 2000
    assert abs(float(model[0].running_mean)) < 0.05


def test_a_sorted_data_set_is_read_sample_by_sample() -> None:
    """So that the statistics are right, not only their faults told."""
    data = torch.utils.data.TensorDataset(SORTED)
    model, right = net(), net()
    made = evalcheck.recalibrate(model, torch.utils.data.DataLoader(data, 100), samples=700)
    evalcheck.recalibrate(right, [SORTED])
    assert made.samples == 700
    assert made.convergence.settled
    assert torch.allclose(model[1].running_mean, right[1].running_mean, atol=0.05)
    assert torch.allclose(model[1].running_var, right[1].running_var, rtol=0.1)


def test_samples_of_other_loudness_are_no_alarm() -> None:
    """Their means are all alike, their variances are not: chance is told by both."""
    draw = torch.Generator().manual_seed(0)
    for _ in range(10):
        loud = torch.rand(640, 1, 1, generator=draw).exp().square()
        x = loud * torch.randn(640, 16, 32, generator=draw)
        assert evalcheck.recalibrate(nn.Sequential(nn.BatchNorm1d(16)), [x]).convergence.agree


def test_small_batches_leave_something_for_a_further_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would change is measured against what it does change."""

    def made(size: int) -> float:
        monkeypatch.setattr(sizing, "size_for", lambda *_, **__: size)
        return evalcheck.recalibrate(net(), batches(inputs(600), 50)).convergence.further

    small, large = made(3), made(200)
    assert small > 10 * large
    assert large < 1e-3


def test_further_is_what_a_further_pass_would_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brute force: eval mode on the new statistics over the same samples."""
    monkeypatch.setattr(sizing, "size_for", lambda *_, **__: 4)
    model, x = net(), inputs(400)
    made = evalcheck.recalibrate(model, batches(x, 50))
    model.eval()
    h = model[:6](x).detach()
    a, b = model[6].running_var + model[6].eps, h.var(0) + model[6].eps
    shift = (h.mean(0) - model[6].running_mean).square()
    brute = float((0.25 * (a / b + b / a + shift * (1 / a + 1 / b)) - 0.5).mean())
    assert made.convergence.further == pytest.approx(brute, rel=0.05)
