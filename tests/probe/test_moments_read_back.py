"""Statistics are read where torch leaves them, and the norm is put back whatever happens."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from evalcheck.guard import untouched
from evalcheck.probe.statistics import collecting as eye
from evalcheck.probe.statistics import pairs
from evalcheck.probe.statistics.collecting import collecting
from evalcheck.probe.statistics.moments import Moments
from evalcheck.probe.statistics.pairs import Pair
from evalcheck.probe.statistics.read_back import reads_back
from tests.guard.fingerprint import fingerprint


class WithActivation(nn.BatchNorm2d):
    """As timm's: a forward of its own that hands the buffers to torch."""

    def forward(self, x):
        assert x.ndim == 4
        x = F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.eps,
        )
        return F.relu(x)


class OwnMoments(nn.BatchNorm2d):
    """Computes what it needs, and keeps its average in its own way."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        self.running_mean.lerp_(mean.detach(), 0.5)
        scale = (var + self.eps).rsqrt()
        return (x - mean.view(1, -1, 1, 1)) * scale.view(1, -1, 1, 1)


class Renorm(nn.BatchNorm2d):
    """Uses its running statistics in train mode too: they must not be exchanged."""

    def forward(self, x):
        shift = self.running_mean.view(1, -1, 1, 1)
        return super().forward(x) + 0.1 * shift


class Writes(nn.BatchNorm2d):
    """Writes its own momentum in every forward."""

    def forward(self, x):
        self.momentum = 0.3
        return super().forward(x)


def collected(norm, batches):
    with torch.no_grad(), collecting({"n": norm}) as collector:
        for batch in batches:
            collector.restart()
            norm(batch)
    return collector.table["n"]


KINDS = [nn.BatchNorm2d, WithActivation, OwnMoments, Renorm, Writes]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_norm_gives_the_moments_of_its_input(kind):
    """Read back or reduced again: the numbers are those of the input."""
    torch.manual_seed(0)
    batches = [3 + 2 * torch.randn(n, 4, 5, 5) for n in (6, 6, 3)]
    entry = collected(kind(4), batches)
    flat = torch.cat(batches).double().transpose(0, 1).flatten(1)
    assert entry.pooled.n == flat.shape[1]
    assert torch.allclose(entry.pooled.mean, flat.mean(1), atol=1e-5)
    assert torch.allclose(entry.pooled.var, flat.var(1, correction=0), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_collecting_leaves_buffers_and_outputs_alone(kind):
    """The output is that of the plain pass, and the buffers are the norm's own afterwards."""
    torch.manual_seed(0)
    norm, x = kind(4), torch.randn(6, 4, 5, 5)
    norm.running_mean.normal_()
    plain = copy.deepcopy(norm)(x)
    mean, var = norm.running_mean, norm.running_var
    with torch.no_grad(), collecting({"n": norm}):
        assert torch.equal(norm(x), plain)
    assert norm.running_mean is mean
    assert norm.running_var is var
    assert norm.momentum == (0.3 if kind is Writes else 0.1)
    assert not norm._forward_hooks
    assert not norm._forward_pre_hooks


def test_only_norms_that_show_it_are_read_back():
    """By torch's own forward, or seen on a copy; half-precision buffers would round."""
    told = {kind.__name__: reads_back(kind(4)) for kind in KINDS}
    assert told == {
        "BatchNorm2d": True, "WithActivation": True, "OwnMoments": False, "Renorm": False, "Writes": False
    }  # fmt: skip
    assert not reads_back(nn.BatchNorm2d(4).half())
    assert reads_back(nn.BatchNorm1d(4).double())


def test_no_second_reduction_is_made_for_torch_s_norms(monkeypatch):
    """That is where the time went."""
    monkeypatch.setattr(eye, "_moments", None)
    assert collected(nn.BatchNorm1d(3), [torch.randn(8, 3)]).calls[0].n == 8


def test_a_forward_that_raises_leaves_the_norm_as_it_was():
    """On the way out the buffers and the momentum are the norm's own."""

    class Broken(nn.BatchNorm1d):
        broken = False

        def forward(self, x):
            if self.broken:
                raise KeyboardInterrupt
            return super().forward(x)

    norm = Broken(3)
    mean = norm.running_mean

    def interrupted():
        with torch.no_grad(), collecting({"n": norm}):
            norm.broken = True
            norm(torch.randn(8, 3))

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert norm.running_mean is mean
    assert norm.momentum == 0.1


def test_a_model_that_writes_momentum_keeps_what_it_wrote():
    """The written momentum is told, holds after the call, and does not spoil what is read."""
    norm = nn.BatchNorm1d(3)
    x = torch.randn(64, 3) + 2
    with torch.no_grad(), collecting({"n": norm}) as collector:
        norm.momentum = 0.01
        norm(x)
    entry = collector.table["n"]
    assert norm.momentum == 0.01
    assert entry.momentum == 0.01
    assert torch.allclose(entry.pooled.mean.float(), x.mean(0), atol=1e-5)


def test_a_cumulative_average_and_a_frozen_norm_are_read_too():
    """momentum=None; and eval mode, where the buffers say nothing of the input."""
    x = torch.randn(64, 3) + 2
    free = nn.BatchNorm1d(3, momentum=None)
    assert torch.allclose(collected(free, [x]).pooled.mean.float(), x.mean(0), atol=1e-5)
    assert free.momentum is None
    frozen = collected(nn.BatchNorm1d(3).eval(), [x])
    assert torch.allclose(frozen.pooled.mean.float(), x.mean(0), atol=1e-5)


def test_under_the_guard_nothing_is_left_behind():
    """Bit for bit, generators and counters too."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), WithActivation(8))
    before = fingerprint(model)
    with untouched(model, parameters=False), torch.no_grad():
        norms = {"1": model[1], "2": model[2]}
        with collecting(norms) as collector:
            collector.restart()
            model[2](model[1](model[0](torch.ones(4, 4)))[:, :, None, None])
        assert set(collector.table) == {"1", "2"}
    assert fingerprint(model) == before


@settings(max_examples=80, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_pair_carries_twice_the_digits(a, b):
    """Sums, differences and products of pairs agree with float64 to 1e-13 of their size."""
    like = torch.zeros(1)
    one, two = Pair.of(a, like), Pair.of(b, like)
    for made, exact in (
        (one + two, a + b),
        (one - two, a - b),
        (one * two, a * b),
        (one.square(), a * a),
        (one * b, a * b),
    ):
        size = max(abs(a) + abs(b), abs(exact), 1e-25)
        assert abs(float(made.hi.double() + made.lo.double()) - exact) <= 1e-13 * size + 1e-30


def test_without_float64_many_batches_are_merged_without_loss(monkeypatch):
    """A thousand batches far from zero: pairs stay at the last digit of float32, plain sums do not."""
    torch.manual_seed(0)
    batches = [1000 + torch.randn(8, 3) for _ in range(1000)]
    parts = [Moments.of(batch) for batch in batches]
    args = [8] * len(parts), [p.mean.float() for p in parts], [p.var.float() for p in parts]
    exact = Moments.merged(*args)
    monkeypatch.setattr(pairs, "WITHOUT_FLOAT64", {"cpu"})
    monkeypatch.setattr("evalcheck.probe.statistics.moments.WITHOUT_FLOAT64", {"cpu"})
    paired = Moments.merged(*args)
    assert paired.mean.dtype is torch.float32
    assert torch.allclose(paired.mean.double(), exact.mean, rtol=1e-7)
    assert torch.allclose(paired.m2.double(), exact.m2, rtol=1e-6)
