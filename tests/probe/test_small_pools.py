"""Few samples tell little, and then little is told."""

from __future__ import annotations

import pytest

import evalcheck
from evalcheck.checkup import trial
from evalcheck.finding import Unanswerable
from tests.probe.nets import batches, mlp, trained

SYMPTOM = "train-eval-divergence"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_healthy_model_on_one_batch_is_not_called_worse_in_eval_mode(seed, dropout):
    """One sample of twenty that falls the other way is chance."""
    model = trained(mlp(after=dropout), seed=seed)
    report = evalcheck.check(model, batches(20, 10 + seed), batches(512, 1))
    assert not [f for f in report.at_least("warning") if f.rule == SYMPTOM]


def test_a_fault_that_nobody_could_miss_is_told_on_one_batch_too():
    """Chance does not explain half of the answers."""
    model = trained(mlp())
    model[4].running_mean += 5.0
    report = evalcheck.check(model, batches(32, 3), batches(512, 1))
    assert [f for f in report.at_least("warning") if f.rule == SYMPTOM]


def test_three_samples_are_too_few_to_compare_the_modes():
    """They have no variance to measure in."""
    with pytest.raises(Unanswerable, match="4 samples"):
        _ = trial(trained(mlp()), batches(3, 2), batches(512, 1)).divergence
