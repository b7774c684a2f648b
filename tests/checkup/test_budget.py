"""A budget ends the probe early: what was measured is shown, what was not asked is said."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import evalcheck
from evalcheck import Complaint
from evalcheck.probe.running import budget
from evalcheck.probe.running.budget import Budget, OutOfTime
from tests.guard.fingerprint import fingerprint
from tests.probe.nets import batches, mlp, trained

HELD, FEED = batches(256, 2), batches(256, 5)


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock(monkeypatch):
    """The clock that budgets read."""
    made = Clock()
    monkeypatch.setattr(budget, "_now", made)
    return made


class Slow(nn.Module):
    """A second for each forward."""

    def __init__(self, net, clock):
        super().__init__()
        self.net = net
        self.tick = lambda: setattr(clock, "seconds", clock.seconds + 1)

    def forward(self, x):
        self.tick()
        return self.net(x)


def stale(clock):
    """A model whose running statistics are wrong, trained, a second for each forward."""
    net = trained(mlp(), epochs=6)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean -= 2
    return Slow(net, clock)


def examined(clock, seconds=None):
    return evalcheck.check(stale(clock), HELD, FEED, budget=seconds)


def late(report):
    """The rules that the budget left unasked."""
    return {gap.rule for gap in report.gaps if "the budget of" in gap.reason}


def test_without_a_budget_nothing_is_left_out(clock):
    report = examined(clock)
    assert not late(report)
    assert not any("budget" in note for note in report.notes)


def test_a_spent_budget_leaves_gaps_and_no_findings(clock):
    """A second is spent by the tracer's forwards: nothing is measured, and nothing is claimed."""
    report = examined(clock, 1)
    assert "train-eval-divergence" in late(report)
    assert report.measurements.divergence is None
    assert not [f for f in report.findings if f.certainty == "measured"]
    assert not report.faults
    assert "1 s was spent" in str(report)


def test_the_distance_is_told_though_its_causes_are_not(clock):
    """Whether the modes agree comes first; the reasons, the layers and the remedies come after it."""
    whole = examined(clock)
    used = clock.seconds
    cut = next(
        report
        for seconds in range(20, int(used), 4)
        if (report := examined(clock, seconds)).measurements.divergence is not None
    )
    assert cut.measurements.divergence.total == whole.measurements.divergence.total
    assert cut.measurements.causes == ()
    assert "statistics-mismatch" in late(cut)
    assert any(f.rule == "train-eval-divergence" for f in cut.findings)
    assert "no batch norm causes it" not in str(cut)
    assert "not found among the batch norms" not in str(cut)


def test_no_forward_begins_after_the_end(clock):
    """Only the batch that is running may pass the end; tracing runs one batch in each mode anyway."""
    for seconds in (10, 30, 60):
        clock.seconds = 0.0
        examined(clock, seconds)
        assert clock.seconds <= seconds + 1


def test_the_model_stays_as_it_was(clock):
    model = stale(clock)
    before = fingerprint(model)
    evalcheck.check(model, HELD, FEED, budget=20)
    assert fingerprint(model) == before


def test_a_slow_loader_is_left_at_half_of_its_samples(clock):
    """Half of the time goes to drawing at most, unless that would leave too few samples to judge by."""

    def slow():
        for index in range(100):
            clock.seconds += 1
            yield HELD[index % len(HELD)]

    report = evalcheck.check(trained(mlp(), epochs=4), slow(), budget=12)
    assert report.measurements.conditions.samples * 2 == 256
    assert not late(report)


def test_a_run_under_way_ends_at_its_next_batch(clock):
    spending = Budget(2)
    spending.demand()
    clock.seconds = 2
    with pytest.raises(OutOfTime, match="2 s"):
        spending.demand()
    assert spending.refused


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "soon", True])
def test_what_is_no_time_is_refused(seconds):
    with pytest.raises(Complaint, match="number of seconds above 0"):
        evalcheck.check(nn.Linear(2, 2), [torch.randn(4, 2)], budget=seconds)
