"""Exact toggling stands beside the gates for those who doubt them."""

from __future__ import annotations

import pytest
import torch

import evalcheck
from tests.probe.custom_nets import Drop, around, trial
from tests.probe.nets import batches, mlp, trained

HELD, FEED = batches(512, 2), batches(512, 5)


def damaged(culprit="1"):
    model = trained(mlp())
    dict(model.named_modules())[culprit].running_mean += 1.5
    return model


@pytest.mark.parametrize("culprit", ["1", "4"])
def test_repairing_the_damaged_norm_alone_goes_most_of_the_way(culprit):
    """And the gates' share says the same."""
    readings = {r.module: r for r in trial(damaged(culprit), exact=True).layers}
    other = next(path for path in readings if path != culprit)
    assert readings[culprit].exact > 0.8
    assert abs(readings[other].exact) < 0.3
    assert abs(readings[culprit].exact - readings[culprit].share) < 0.2


def test_repairing_all_norms_is_the_whole_way():
    """With a single norm alone and together are the same, but for Bessel's factor."""
    model = around(torch.nn.BatchNorm1d(32))
    trained(model)[2].running_var *= 4
    (reading,) = trial(model, exact=True).layers
    assert reading.exact == pytest.approx(1.0, abs=0.02)


def test_nothing_is_toggled_unless_asked():
    """It costs a run for each norm, and two for each module that draws."""
    subject = trial(damaged())
    assert all(reading.exact is None for reading in subject.layers)
    plain = subject.run.samples_run
    asked = trial(damaged(), exact=True)
    assert len(asked.layers) == 2
    assert asked.run.samples_run - plain == 2 * 64


def test_the_report_shows_both_beside_each_other():
    """One more column where norms are toggled, and a table of the modules that draw."""
    report = evalcheck.check(damaged(), HELD, FEED, exact=True)
    assert "repaired" in str(report)
    assert "repaired" not in str(evalcheck.check(damaged(), HELD, FEED))
    report = evalcheck.check(trained(around(Drop(0.5, scaled=True))), HELD, FEED, exact=True)
    (reading,) = report.measurements.stochastic
    assert (reading.module, reading.exact) == ("2", pytest.approx(1.0))
    assert "noise" in str(report)
    assert "alone" in str(report)


def test_a_model_without_norms_and_noise_has_nothing_to_toggle():
    report = evalcheck.check(trained(around(torch.nn.Identity())), HELD, FEED, exact=True)
    assert report.measurements.layers == ()
    assert report.measurements.stochastic == ()
    assert not report.faults
