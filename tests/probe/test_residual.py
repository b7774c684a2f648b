"""How much of the start is left is fitted, and only where it is what is wrong."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from evalcheck.probe.statistics import residual
from evalcheck.probe.statistics.moments import Moments


def fed(momentum, steps, batch=64, channels=24, seed=0):
    """A norm after ``steps`` batches of one population, and that population's moments."""
    generator = torch.Generator().manual_seed(seed)
    centre = 3 * torch.randn(channels, generator=generator)
    scale = 0.3 + 3 * torch.rand(channels, generator=generator)
    norm = nn.BatchNorm1d(channels, momentum=momentum)
    batches = [centre + scale * torch.randn(batch, channels, generator=generator) for _ in range(steps)]
    with torch.no_grad():
        for x in batches:
            norm(x)
    return norm, Moments(batch, centre.double(), scale.double().square() * batch)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([0.001, 0.01, 0.05]), st.integers(5, 60), st.integers(0, 100))
def test_the_fit_finds_the_power_of_the_momentum(momentum, steps, seed):
    """rho = (1 - m)^n, without asking a counter."""
    norm, data = fed(momentum, steps, seed=seed)
    fit = residual.fitted(norm, data, 64)
    expected = (1 - momentum) ** steps
    assert fit.weight == pytest.approx(expected, abs=0.03)
    assert residual.expected(norm, momentum) == pytest.approx(expected)
    if expected > 0.3:
        assert fit.explains


def test_the_fit_does_not_trust_the_counter():
    """A momentum that was raised afterwards makes the counter's answer wrong, not the fit's."""
    norm, data = fed(0.01, 40)
    norm.momentum = 0.5
    assert residual.expected(norm, 0.5) < 1e-9
    assert residual.fitted(norm, data, 64).weight == pytest.approx(0.99**40, abs=0.03)


def test_statistics_that_are_wrong_for_another_reason_do_not_fit():
    """Old weights, an edit, a quantised copy: most of what is wrong stays unexplained."""
    norm, data = fed(0.1, 200)
    norm.running_mean += torch.linspace(-2, 2, 24)
    fit = residual.fitted(norm, data, 64)
    assert not fit.explains
    assert fit.unexplained > 0.65


def test_converged_statistics_hold_nothing_of_the_start():
    """What noise leaves is no share of the start."""
    norm, data = fed(0.1, 200)
    assert residual.fitted(norm, data, 64).weight < 0.01


def test_untouched_statistics_are_all_start():
    """Weight 1, nothing unexplained; no counter, no expectation."""
    norm, data = fed(0.1, 0)
    fit = residual.fitted(norm, data, 64)
    assert fit.weight == pytest.approx(1, abs=0.02)
    assert fit.explains
    assert residual.at_start(norm)
    assert residual.expected(norm, 0.1) is None


def test_dead_channels_and_data_like_the_start_are_no_trouble():
    """Zero variance divides nothing by zero; where the data are (0, 1) themselves nothing can be told."""
    norm = nn.BatchNorm1d(3)
    data = Moments(8, torch.zeros(3).double(), torch.zeros(3).double())
    assert residual.fitted(norm, data, 8).weight == pytest.approx(1)
    same = Moments(8, torch.zeros(3).double(), 8 * torch.ones(3).double() * 7 / 8)
    fit = residual.fitted(norm, same, 8)
    assert fit is None or fit.weight == 0


def test_a_cumulative_average_expects_nothing_of_its_start():
    """momentum=None forgets it with the first batch."""
    norm, _ = fed(None, 3)
    assert residual.expected(norm, None) == 0.0
