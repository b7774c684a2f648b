"""Noise that hits few samples is found, and what is said of draws claims no more than was seen."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from evalcheck import checks, checkup, rulebook
from evalcheck.probe.dependence.difference import percent
from tests.guard.fingerprint import fingerprint


class Rare(nn.Module):
    """One sample in so many is replaced by zeros, in eval mode too."""

    def __init__(self, share):
        super().__init__()
        self.share = share

    def forward(self, x):
        return torch.where(torch.rand(len(x), 1) < self.share, torch.zeros_like(x), x)


def trial(part, count=256):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(8, 8), part, nn.Linear(8, 3))
    return checkup.trial(model, [torch.randn(32, 8) for _ in range(2 * count // 32)])


def said(rule, subject):
    return [s.message for s in checks.find("probe", rule)(subject, dict(rulebook.find(rule).options))]


@pytest.mark.parametrize("share", [0.01, 0.02])
def test_one_sample_in_a_hundred_is_enough_and_its_module_is_named(share):
    subject = trial(Rare(share))
    seen = subject.dependence.repetition(1e-5)
    assert seen.real
    assert seen.module == "1"
    assert 0 < seen.differing < 64
    assert f"{seen.differing} of 256 samples" in said("nondeterministic-eval", subject)[0]
    assert said("eval-perturbs-training-rng", subject) == []


def test_draws_without_effect_cost_two_passes_and_are_told_with_the_number_of_samples():
    subject = trial(Rare(0.0))
    before = fingerprint(subject.model)
    assert not subject.dependence.repetition(1e-5).real
    assert subject.run.samples_run <= 2 * 256 + 4 * 13
    assert "was seen in 256 samples" in said("eval-perturbs-training-rng", subject)[0]
    assert said("nondeterministic-eval", subject) == []
    assert fingerprint(subject.model) == before


def test_a_model_that_draws_nothing_is_not_run_again():
    subject = trial(nn.Dropout(0.5))
    assert not subject.dependence.repetition(1e-5).real
    assert subject.run.samples_run <= 2 * 13


def test_state_beside_idle_draws_is_no_noise():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            torch.rand(1)
            self.calls += 1
            return x * self.calls

    assert not trial(Counting()).dependence.repetition(1e-5).real


@pytest.mark.parametrize(("size", "real"), [(1e-3, False), (0.0, True)])
def test_without_draws_float64_tells_kernels_from_noise(size, real):
    """Both differ each time by what no generator knows: one by rounding, which float64 has less of."""
    ticks = itertools.count()

    class Ticking(nn.Module):
        def forward(self, x):
            step = size * torch.finfo(x.dtype).eps / torch.finfo(torch.float32).eps if size else 1e-3
            return x * (1 + step * (next(ticks) % 2))

    assert trial(Ticking()).dependence.repetition(1e-5).real is real


def test_leaves_of_large_numbers_do_not_hide_noise_or_mates_in_a_small_one():
    class Two(nn.Module):
        def __init__(self, noisy):
            super().__init__()
            self.noisy = noisy

        def forward(self, x):
            logits = x + 0.1 * torch.randn_like(x) if self.noisy else x - x.mean(0)
            return {"features": 1e5 * x, "logits": logits}

    def subject(noisy):
        model = nn.Sequential(nn.Linear(8, 8), Two(noisy))
        return checkup.trial(model, [torch.randn(32, 8) for _ in range(4)])

    assert subject(noisy=True).dependence.repetition(1e-5).size > 0.01
    room = subject(noisy=False).dependence
    assert max(seen.size for seen in room.batch_sizes()) > 0.1
    assert room.mates().real


def test_what_rounding_leaves_of_a_sum_that_is_zero_is_no_difference():
    class Residue(nn.Module):
        """Its second output is zero but for the last digits, which depend on the size of the batch."""

        def forward(self, x):
            return {"out": x, "rest": (x.flip(1) @ torch.ones(300, 1)) - (x @ torch.ones(300, 1))}

    model = nn.Sequential(nn.Linear(8, 300), Residue())
    room = checkup.trial(model, [torch.randn(32, 8) for _ in range(4)]).dependence
    assert not any(seen.real for seen in room.batch_sizes())
    assert not room.mates().real
    assert not room.repetition(1e-5).real
    assert not room.autocast(0.2, 0.025).seen.real


@pytest.mark.parametrize(
    ("size", "told"),
    [(0.0265, "2.65%"), (2e-5, "0.002%"), (0.0, "0.00%"), (4.4e-4, "0.04%"), (1.0, "100.00%")],
)
def test_small_shares_are_told_with_enough_digits(size, told):
    assert percent(size) == told
