"""A copy that a forward makes of a norm takes the probe's hooks along, and is no call of the norm."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from evalcheck import check
from evalcheck.guard import untouched
from evalcheck.probe.running.copied import is_copy
from evalcheck.probe.statistics.collecting import collecting
from evalcheck.probe.statistics.imposing import imposed
from evalcheck.probe.statistics.moments import Moments
from tests.guard.fingerprint import fingerprint
from tests.probe.nets import CLASSES, FEATURES, batches, trained


class Looking(nn.Module):
    """Asks a copy of its norm first, on other values, as a target that lags does."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Linear(FEATURES, 32), nn.BatchNorm1d(32)
        self.head = nn.Linear(32, CLASSES)

    def forward(self, x):
        x = self.embed(x)
        copy.deepcopy(self.norm)(x.detach() + 3)
        return self.head(torch.relu(self.norm(x)))


class LookingTwice(Looking):
    """On the same values: they would look like a norm that is run twice."""

    def forward(self, x):
        x = self.embed(x)
        copy.deepcopy(self.norm)(x.detach())
        return self.head(torch.relu(self.norm(x)))


@pytest.mark.parametrize("kind", [Looking, LookingTwice])
def test_a_healthy_model_that_copies_its_norm_gets_no_finding(kind):
    model = trained(kind())
    before = fingerprint(model)
    report = check(model, batches(512, 2), batches(1024, 1))
    assert report.faults == ()
    assert not {"batchnorm-double-update", "shared-batchnorm"} & {f.rule for f in report.findings}
    assert fingerprint(model) == before


def test_statistics_are_those_of_the_norm_alone():
    """With the copy's they would be two calls, the first of them three off."""
    torch.manual_seed(0)
    model, x = Looking().train(), torch.randn(64, FEATURES)
    with untouched(model), torch.no_grad(), collecting({"norm": model.norm}) as collector:
        model(x)
    (call,) = collector.table["norm"].calls
    assert torch.allclose(call.mean.float(), model.embed(x).mean(0), atol=1e-5)


def test_given_statistics_reach_copies_and_count_the_norm_alone():
    torch.manual_seed(0)
    model, x = Looking().eval(), torch.randn(16, FEATURES)
    calls = [Moments.of(torch.randn(64, 32) + shift) for shift in (0.0, 5.0)]
    with torch.no_grad(), imposed({"norm": model.norm}, {"norm": calls}) as restart:
        restart()
        found = model(x)
    plain = nn.BatchNorm1d(32).eval()
    plain.running_mean, plain.running_var = calls[0].mean.float(), calls[0].var.float()
    with torch.no_grad():
        assert torch.allclose(found, model.head(torch.relu(plain(model.embed(x)))), atol=1e-4)


def test_what_shares_its_buffers_is_the_norm_itself():
    norm = nn.BatchNorm1d(4)
    replica = copy.deepcopy(norm)
    replica._is_replica = True
    assert is_copy(copy.deepcopy(norm), norm)
    assert not any(is_copy(one, norm) for one in (norm, copy.copy(norm), replica))
