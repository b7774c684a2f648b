"""Pooled statistics are those of all samples together, however these were batched."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from evalcheck.probe.statistics.collecting import collecting
from evalcheck.probe.statistics.moments import Moments, running, symmetric_kl


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 9), min_size=1, max_size=6), st.booleans())
def test_any_batching_gives_the_moments_of_the_whole(seed, sizes, spatial):
    """E[var] + Var[mean], count-weighted: ragged and sorted batches make no difference."""
    generator = torch.Generator().manual_seed(seed)
    shape = (sum(sizes), 3, 2, 2) if spatial else (sum(sizes), 3)
    x = torch.randn(shape, generator=generator).sort(0).values * 5 + 100
    total = None
    for part in x.split(sizes):
        seen = Moments.of(part)
        total = seen if total is None else total + seen
    flat = x.double().transpose(0, 1).flatten(1)
    assert total.n == flat.shape[1]
    assert torch.allclose(total.mean, flat.mean(1), atol=1e-4)
    assert torch.allclose(total.var, flat.var(1, correction=0), rtol=1e-3, atol=1e-4)


def test_class_sorted_batches_keep_the_variance_between_them():
    """The mean of batch variances would lose it: 0.98 for 6.0 in the case that is on record."""
    x = torch.cat([torch.randn(64, 1) + shift for shift in (-3.0, 0.0, 3.0)])
    parts = [Moments.of(part) for part in x.split(32)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    assert float(total.var) > 5
    assert sum(float(part.var) for part in parts) / len(parts) < 1.5


def test_calls_of_one_norm_are_kept_apart():
    """The second call of every forward goes to the second entry."""
    norm = nn.BatchNorm1d(2)
    with collecting({"norm": norm}) as collector:
        for _ in range(3):
            collector.restart()
            norm(torch.zeros(4, 2) + 1)
            norm(torch.zeros(4, 2) + 5)
    entry = collector.table["norm"]
    assert [float(call.mean[0]) for call in entry.calls] == [1.0, 5.0]
    assert entry.pooled.n == 24
    assert float(entry.pooled.mean[0]) == 3.0
    assert not norm._forward_pre_hooks


def test_symmetric_kl_is_that_of_the_two_gaussians():
    """Against torch.distributions, both directions averaged."""
    a = Moments(1, torch.tensor([0.3]).double(), torch.tensor([2.0]).double())
    b = Moments(1, torch.tensor([-1.0]).double(), torch.tensor([0.5]).double())
    p = torch.distributions.Normal(a.mean, a.var.sqrt())
    q = torch.distributions.Normal(b.mean, b.var.sqrt())
    expected = (torch.distributions.kl_divergence(p, q) + torch.distributions.kl_divergence(q, p)) / 2
    assert torch.allclose(symmetric_kl(a, b, 0.0), expected)
    assert float(symmetric_kl(a, a, 1e-5)) == 0.0


def test_dead_channels_do_not_diverge():
    """Zero variance on both sides is no difference."""
    norm = nn.BatchNorm1d(1)
    norm.running_var.zero_()
    dead = Moments.of(torch.zeros(8, 1))
    assert float(symmetric_kl(running(norm), dead, norm.eps)) == 0.0
