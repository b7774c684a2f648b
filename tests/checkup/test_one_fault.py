"""One fault is one finding, under the rule of its cause; two faults are two."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evalcheck import check


class Body(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))


class Switching(nn.Module):
    """Its forward calls train()."""

    def __init__(self):
        super().__init__()
        self.body = Body()

    def forward(self, x):
        self.body.train()
        return self.body(x)


class Stuck(nn.Module):
    """Its train() knows no eval mode."""

    def __init__(self):
        super().__init__()
        self.body = Body()

    def train(self, mode=True):
        return super().train(True)

    def forward(self, x):
        return self.body(x)


class Moving(nn.Module):
    """Takes off a running mean that eval mode moves too, before or after it is used."""

    def __init__(self, late=False):
        super().__init__()
        self.late = late
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x):
        mean = self.mean.clone()
        self.mean.mul_(0.5).add_(0.5 * x.detach().mean(0))
        return x - (mean if self.late else self.mean)


class Centred(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


def quantised():
    import torch.ao.quantization as q

    model = nn.Sequential(q.QuantStub(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3), q.DeQuantStub()).train()
    model.qconfig = q.get_default_qat_qconfig("fbgemm")
    model = q.prepare_qat(model)
    model(torch.randn(64, 8))
    with torch.no_grad():
        model[1].weight.mul_(1.5)  # what training does after the ranges were seen last
    return model


def traced():
    return torch.jit.trace(Body().train(), torch.randn(16, 8), check_trace=False)


def found(model):
    torch.manual_seed(1)
    loader = [3 * torch.randn(16, 8) + 1 for _ in range(6)]
    report = check(model, loader)
    return {f.rule: f for f in report.findings if f.severity != "note"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (Switching, "mode-changed-in-forward"),
        (Stuck, "mode-method-overridden"),
        (lambda: nn.Sequential(Moving(), nn.Linear(8, 3)), "eval-mutates-buffers"),
        (quantised, "observer-active-in-eval"),
        (traced, "nondeterministic-eval"),
    ],
)
def test_one_fault_is_one_error_under_its_cause_with_the_symptoms_number(make, cause):
    torch.manual_seed(0)
    errors = {rule: f for rule, f in found(make()).items() if f.severity == "error"}
    assert list(errors) == [cause]
    assert "Measured: " in errors[cause].message
    assert "%" in errors[cause].message


def test_two_independent_faults_are_two_findings():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), Centred(), nn.Linear(8, 8), Moving(late=True), nn.Linear(8, 3))
    errors = found(model)
    assert errors["batch-size-dependent-eval"].place.module == "1"
    assert errors["eval-mutates-buffers"].place.module == "3"


def test_what_the_model_itself_mixes_is_not_laid_at_a_part_of_it():
    class Mixing(nn.Module):
        def __init__(self):
            super().__init__()
            self.part, self.head = Moving(late=True), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.part(x - 0.5 * x.mean(0)))

    torch.manual_seed(0)
    assert {"batch-size-dependent-eval", "eval-mutates-buffers"} <= found(Mixing()).keys()
