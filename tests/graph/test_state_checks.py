"""What the checks make of a model's state: how bad it is, one fault once, gaps where nothing can be said."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evalcheck.finding import Finding, Gap, Table
from tests.graph.test_checks import asked


class Learner(nn.Module):
    """A student, and a teacher that follows it by parameters only."""

    def __init__(self) -> None:
        super().__init__()
        self.student = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.student(x)


def _asked(model: nn.Module, rule: str, options: Any = None) -> tuple[list[Finding], list[Gap]]:
    torch.manual_seed(0)
    findings, gaps = asked(model, torch.randn(8, 4), rule, options=options)
    return list(findings), gaps


def test_a_copy_without_statistics_is_one_finding() -> None:
    """The rule about copies speaks, and the one about norms in general does not."""
    model = Learner()
    model(torch.randn(8, 4))
    nn.init.normal_(model.teacher[1].bias)
    (finding,), _ = _asked(model, "ema-buffers-not-synced")
    assert finding.severity == "error"
    assert finding.place.module == "teacher.1"
    assert _asked(model, "statistics-never-updated") == ([], [])


def test_statistics_of_another_time_are_a_note() -> None:
    """The parameters are equal, the statistics far apart: the limit is an option."""
    model = Learner()
    model.teacher[1].running_mean.fill_(3.0)
    model.student[1].running_mean.fill_(-3.0)
    (finding,), _ = _asked(model, "ema-buffers-not-synced")
    assert finding.severity == "note"
    assert _asked(model, "ema-buffers-not-synced", {"shift": 1e6, "close": 0.1}) == ([], [])


@pytest.mark.parametrize(("value", "severity"), [(float("nan"), "error"), (-1.0, "error"), (0.0, "note")])
def test_wrong_and_constant_variances(value: float, severity: str) -> None:
    """A variance of 0 at a mean that is not 0 may be the data's."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
    model[1].running_var[3] = value
    model[1].running_mean[3] = 1.0
    (finding,), _ = _asked(model, "statistics-nonfinite")
    assert finding.severity == severity
    (table,) = (item for item in finding.evidence if isinstance(item, Table))
    assert table.rows[0][-1].startswith("1 of 8; channel 3 has mean 1, variance ")


def test_dropout_that_wakes_is_a_note() -> None:
    """A norm that wakes is a warning."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.BatchNorm1d(4))
    model[1].eval()
    (finding,), _ = _asked(model, "pinned-mode-lost")
    assert finding.severity == "note"
    model[2].eval()
    (finding,), _ = _asked(model, "pinned-mode-lost")
    assert finding.severity == "warning"
    assert [place.module for place in finding.sightings[0].places] == ["1", "2"]


def test_new_spectral_norm_is_a_gap() -> None:
    """Vectors as drawn in a model that may be new; nothing where it was iterated often."""
    model = nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 32)), nn.utils.spectral_norm(nn.Linear(32, 32)))
    findings, (gap,) = _asked(model, "spectral-norm-uninitialised")
    assert findings == []
    assert gap.reason.startswith("no forward in train mode has ever moved the vectors")
    for _ in range(100):
        model(torch.randn(8, 4))
    assert _asked(model, "spectral-norm-uninitialised") == ([], [])


def test_momentum_of_counted_and_of_foreign_statistics() -> None:
    """Statistics that were never counted were loaded: a note, since no training by this momentum is known."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, momentum=0.99))
    model(torch.randn(8, 4))
    (finding,), _ = _asked(model, "batchnorm-momentum-suspicious")
    assert finding.severity == "warning"
    model[1].num_batches_tracked.zero_()
    (finding,), _ = _asked(model, "batchnorm-momentum-suspicious")
    assert finding.severity == "note"
    model[1].momentum = 0.4
    assert _asked(model, "batchnorm-momentum-suspicious") == ([], [])


def test_norm_that_alone_is_frozen_is_a_note() -> None:
    """Scale 1 and shift 0 that do not learn beside layers that do may stand for affine=False."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8).requires_grad_(False), nn.Linear(8, 2))
    (finding,), _ = _asked(model, "batchnorm-frozen-affine-only")
    assert finding.severity == "note"
    nn.init.normal_(model[1].bias)
    (finding,), _ = _asked(model, "batchnorm-frozen-affine-only")
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    "rule",
    [
        "mode-method-overridden",
        "mode-split",
        "pinned-mode-lost",
        "batchnorm-momentum-suspicious",
        "statistics-nonfinite",
        "batchnorm-frozen-affine-only",
        "instance-norm-tracks-statistics",
        "spectral-norm-uninitialised",
        "ema-buffers-not-synced",
        "averaging-nonlinear-buffers",
        "checkpoint-missing-buffers",
        "observer-active-in-eval",
    ],
)
@pytest.mark.parametrize("kind", ["lazy", "meta", "scripted", "failing", "empty"])
def test_hard_models_are_survived(rule: str, kind: str) -> None:
    """Models without values, without a forward that works, without anything: no fault, nothing found."""
    models: dict[str, nn.Module] = {
        "lazy": nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d(), nn.Dropout(0.5)),
        "meta": nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 4)), nn.BatchNorm1d(4)).to("meta"),
        "scripted": torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))),
        "failing": nn.Sequential(nn.Linear(7, 4), nn.BatchNorm1d(4)),
        "empty": nn.Sequential(),
    }
    findings, gaps = _asked(models[kind], rule)
    assert findings == []
    assert gaps == []
