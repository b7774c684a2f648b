"""Statistics that are no numbers: modes cannot be compared, and the report still begins with the answer."""

from __future__ import annotations

import torch
from torch import nn

import evalcheck


def test_nan_statistics_have_a_cause_a_cure_and_a_next_step():
    """The first lines say which norm it is, and what was tried against it."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    with torch.no_grad():
        model[1].weight.mul_(1.5)
    model[1].running_var[3] = float("nan")
    data = [(torch.randn(64, 8), torch.randint(3, (64,))) for _ in range(8)]
    report = evalcheck.check(model, data[:4], data[4:])
    head = str(report).split("\nerror ")[0]
    assert "Cause: the running statistics of the norm '1'" in head
    assert "Cure:  resetting the norms" in head
    assert "Next:" in head
