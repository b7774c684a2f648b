"""What the table of norms says, against what was planted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evalcheck import checkup
from evalcheck.probe.statistics.moments import CallMoments, Moments, symmetric_kl
from tests.guard.fingerprint import fingerprint
from tests.probe.nets import batches, mlp, trained

HELD, FEED = batches(512, 2), batches(512, 5)


def readings(model, held=HELD, feed=FEED):
    trial = checkup.trial(model, held, feed)
    return {reading.module: reading for reading in trial.layers}


def test_the_divergence_of_equal_populations_is_one_over_n():
    """E[symmetric KL] = 1/n of a statistic from n Gaussian values: what is taken off the readings."""
    torch.manual_seed(0)
    n, draws = 64, 4000
    x = torch.randn(n, draws).double()
    sample = Moments(n, x.mean(0), x.var(0, correction=0) * n)
    truth = Moments(n, torch.zeros(draws).double(), n * torch.ones(draws).double())
    assert float(symmetric_kl(sample, truth, 0.0).mean()) == pytest.approx(1 / n, rel=0.15)


def images(count, size, alike):
    """Batches (size, 3, 4, 4) in which the positions of one sample share a part of their variance."""
    common = alike**0.5 * torch.randn(count * size, 3, 1, 1)
    return (common + (1 - alike) ** 0.5 * torch.randn(count * size, 3, 4, 4)).split(size)


@pytest.mark.parametrize("alike", [0.0, 0.3, 1.0])
def test_neighbours_that_are_alike_are_worth_fewer_values(alike):
    """n_eff = N HW / (1 + (HW - 1) rho), from the batches' own means."""
    torch.manual_seed(0)
    parts = [Moments.of(x) for x in images(400, 8, alike)]
    total = sum(parts[1:], parts[0])
    between = torch.stack([part.mean for part in parts]).var(0)
    entry = CallMoments([total], [8 * 16], 0.1, [between])
    expected = 8 * 16 / (1 + 15 * alike)
    assert entry.effective(8) == pytest.approx(expected, rel=0.15)


def test_a_reading_of_a_healthy_norm_is_quiet():
    """No start, no widening, no domain; momentum, batch and noise as they are."""
    found = readings(trained(mlp()))
    for reading in found.values():
        assert reading.stale < 0.005
        assert reading.momentum == 0.1
        assert reading.residual < 0.02
        assert reading.residual_expected < 1e-9
        assert reading.dropout_ratio == 1.0
        assert reading.dropout_predicted is None
        assert reading.domain < 0.01
        assert reading.samples_per_channel == reading.n_eff == 32
        assert reading.noise == pytest.approx(1.5 / 32)


def test_without_training_data_there_is_no_domain():
    """One loader says nothing of another one."""
    assert all(reading.domain is None for reading in readings(trained(mlp(), epochs=4), feed=None).values())


def test_measured_and_predicted_ratio_agree_behind_the_first_dropout():
    """Dropout, then a linear layer, then the norm; and directly in front of it."""
    behind = readings(trained(mlp(after=0.3), epochs=8))["5"]
    assert behind.dropout == "3"
    assert behind.dropout_rate == 0.3
    assert behind.dropout_ratio == pytest.approx(behind.dropout_predicted, rel=0.1)
    direct = readings(trained(mlp(before=0.5), epochs=8))["2"]
    assert direct.dropout_ratio == pytest.approx(direct.dropout_predicted, rel=0.1)
    assert direct.dropout_ratio > 1.8


def test_a_slow_average_still_holds_its_start():
    """Fitted and counted agree, and nothing else is wrong."""
    for reading in readings(trained(mlp(momentum=0.001))).values():
        assert reading.residual == pytest.approx(reading.residual_expected, abs=0.05)
        assert reading.unexplained < 0.05


def test_a_shifted_domain_is_read_at_the_first_norm():
    """Half the contrast in evaluation; the moving average is right for training."""
    found = readings(trained(mlp()), held=batches(512, 2, gain=0.5))
    assert found["1"].domain > 0.2
    assert found["1"].stale < 0.01


def test_reading_leaves_the_model_as_it_was():
    """Bit for bit, with dropout and all."""
    model = trained(mlp(after=0.3), epochs=2)
    before = fingerprint(model)
    readings(model)
    assert fingerprint(model) == before


def test_a_model_without_norms_has_no_readings():
    """And needs none."""
    assert not readings(trained(mlp(norm=nn.LayerNorm), epochs=2))
