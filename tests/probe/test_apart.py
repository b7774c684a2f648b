"""How far the modes are apart is told for classes, for each leaf, and split into what can be mended."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evalcheck.checkup import trial
from evalcheck.probe.judging.leafwise import readings
from evalcheck.probe.judging.predictions import Choices, predictions
from tests.probe.nets import batches, mlp, trained


def test_flips_are_counted_over_samples_with_an_interval():
    """One of four samples changes its class: a quarter, within Wilson's interval for n = 4."""
    here = torch.eye(3)[[0, 1, 2, 0]].unsqueeze(1)
    there = torch.eye(3)[[0, 1, 2, 1]].unsqueeze(1)
    flips = Choices(here, there).flips()
    assert flips.share == 0.25
    assert flips.interval == pytest.approx((0.0456, 0.6994), abs=1e-3)


def test_no_flip_in_64_samples_is_no_proof_of_none():
    """The rule of three gives 4.7 %, Wilson's interval a little more."""
    same = torch.randn(64, 1, 5)
    assert Choices(same, same).flips().interval[1] == pytest.approx(0.0566, abs=1e-3)


def test_the_divergence_of_probabilities_is_the_mean_of_both_directions():
    """KL(p, q) and KL(q, p) of (1/2, 1/2) and (1/4, 3/4)."""
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75])
    expected = 0.5 * ((p * (p / q).log()).sum() + (q * (q / p).log()).sum())
    found = Choices(p.log().view(1, 1, 2), q.log().view(1, 1, 2)).flips().kl
    assert found == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("shape", "targets", "expected"),
    [
        ((6, 4), torch.zeros(6, dtype=torch.long), (6, 1, 4)),
        ((6, 4, 8, 8), torch.zeros(6, 8, 8, dtype=torch.long), (6, 64, 4)),
        ((6, 5, 4), torch.zeros(6, 5, dtype=torch.long), (6, 5, 4)),
        ((6, 4), torch.zeros(6, 4), None),
        ((6, 4), None, None),
    ],
    ids=["classes", "pixels", "tokens", "regression", "no targets"],
)
def test_classes_are_recognised_by_their_targets(shape, targets, expected):
    """Numbers that are no choice among classes do not flip."""
    found = predictions(torch.randn(shape), targets, 6)
    assert (None if found is None else tuple(found.shape)) == expected


def test_logits_by_name_need_no_targets():
    """As transformers call them."""
    found = predictions({"logits": torch.randn(2, 7, 11), "hidden": torch.randn(2, 7, 3)}, None, 2)
    assert found is not None
    assert found.shape == (2, 7, 11)


def test_a_small_leaf_is_measured_in_its_own_variance():
    """Beside a leaf of large numbers, what moves it by its own spread would not be seen in the sum."""
    torch.manual_seed(0)
    large, small = 100 * torch.randn(64, 5), 0.01 * torch.randn(64, 2)
    moved = small + 0.01
    found = readings({"boxes": large, "score": small}, [{"boxes": large, "score": moved}] * 2)
    assert [reading.path for reading in found] == ["score", "boxes"]
    assert found[0].total == pytest.approx(1.0, rel=0.3)
    assert found[1].total == 0


def test_wrong_statistics_are_fixable_and_dropout_is_intrinsic():
    """The split says what recomputing statistics can mend."""
    model = trained(mlp())
    model[1].running_mean += 1.0
    stale = trial(model, batches(512, 2), batches(1024, 1)).divergence
    assert stale.fixable > 3 * stale.intrinsic
    noisy = trained(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 4)))
    healthy = trial(noisy, batches(512, 2), batches(1024, 1)).divergence
    assert healthy.fixable == 0
    assert healthy.intrinsic < 0.05
    assert healthy.flips is not None
