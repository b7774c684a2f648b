"""The measure that the recalibration benchmark judges by: exact statistics, layer by layer, and the error."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
from recalibration_situations.case import Case, loader
from recalibration_situations.exact import error, exact


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(108, 4),
        nn.BatchNorm1d(4), nn.Linear(4, 2),
    ).eval()  # fmt: skip


@pytest.fixture
def images():
    return torch.randn(50, 1, 8, 8, generator=torch.Generator().manual_seed(1)) ** 2


def case(images, size=7, shuffle=True, frozen=()):
    return Case(net(), loader(images, torch.zeros(len(images)), size, shuffle), [], frozen=frozen)


def test_every_norm_gets_the_moments_that_it_meets_in_eval_mode(images):
    truth, model = exact(case(images))
    with torch.no_grad():
        for path in ("1", "6"):
            x = model[: int(path)](images).double().transpose(0, 1).flatten(1)
            assert torch.allclose(truth[path].mean, x.mean(1), atol=1e-6)
            assert torch.allclose(truth[path].var, x.var(1, correction=0), atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 49, 50])
def test_size_and_order_of_batches_do_not_matter(images, size):
    truth, _ = exact(case(images))
    other, _ = exact(case(images[images.mean((1, 2, 3)).argsort()], size, shuffle=False))
    assert all(torch.allclose(truth[path].var, other[path].var, rtol=1e-5) for path in truth)


def test_the_model_itself_is_left_alone(images):
    given = case(images)
    before = copy.deepcopy(given.model.state_dict())
    exact(given)
    assert all(torch.equal(before[name], value) for name, value in given.model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in given.model.modules())


def test_a_frozen_norm_keeps_its_own(images):
    truth, _ = exact(case(images, frozen=("1",)))
    assert torch.equal(truth["1"].mean, torch.zeros(3).double())
    assert truth["6"].mean.abs().max() > 0


def test_the_error_is_the_expected_difference_of_normalised_values(images):
    truth, best = exact(case(images))
    wrong, apart = copy.deepcopy(best), []
    with torch.no_grad():
        for path in ("1", "6"):
            norm = wrong[int(path)]
            norm.running_mean += 0.1
            norm.running_var *= 1.5
            inputs = best[: int(path)](images)
            one, other = (copy.deepcopy(m[int(path)]).double() for m in (best, wrong))
            apart.append((one(inputs.double()) - other(inputs.double())).square().mean())
    assert error(best, truth) < 1e-4
    assert error(wrong, truth) == pytest.approx(100 * float(sum(apart) / 2) ** 0.5, rel=1e-4)
