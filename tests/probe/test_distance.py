"""The debiased distance is zero in the mean for pure noise, and right for a planted shift."""

from __future__ import annotations

import torch

from evalcheck.probe.judging import distance


def trials(shift, passes, seed):
    """Noisy passes around a reference that is moved by ``shift``, over 64 samples of 10 numbers."""
    generator = torch.Generator().manual_seed(seed)
    reference = torch.zeros(64, 10)
    return [torch.randn(64, 10, generator=generator) + shift for _ in range(passes)], reference


def test_pure_noise_has_no_bias_in_the_mean():
    """The plug-in estimate would be noise / R = 2.5; the debiased one scatters around nothing."""
    values = [float(distance.spread(*trials(0.0, 4, seed)).bias.mean()) for seed in range(40)]
    mean = sum(values) / len(values)
    assert abs(mean) < 0.1
    plug_in = float(distance.spread(*trials(0.0, 4, 0)).mean.square().sum(1).mean())
    assert plug_in > 2


def test_a_planted_shift_is_measured():
    """Ten coordinates moved by 0.5 are a squared distance of 2.5, whatever the noise."""
    values = [float(distance.spread(*trials(0.5, 4, seed)).bias.mean()) for seed in range(40)]
    assert abs(sum(values) / len(values) - 2.5) < 0.15


def test_noise_is_the_variance_of_one_pass():
    """Ten coordinates of variance one."""
    assert abs(float(distance.spread(*trials(0.5, 8, 0)).noise.mean()) - 10) < 1


def test_the_interval_needs_four_groups_and_holds_the_mean():
    """Student's t with three degrees of freedom over four disjoint groups."""
    values = torch.randn(400, generator=torch.Generator().manual_seed(0)) + 3
    groups = list(torch.arange(400).split(100))
    low, high = distance.interval(values, groups, unit=1.0)
    assert low < 3 < high
    assert high - low < 1.2
    assert distance.interval(values, groups[:1], unit=1.0) is None
