"""One fault of norms is one finding, by the rule that says most of it; healthy models stay silent."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn

import evalcheck
from evalcheck import checkup
from evalcheck.probe.statistics import padded, spectral_shift
from tests.guard.fingerprint import fingerprint
from tests.probe.nets import CLASSES, FEATURES, batches, mlp, trained

HELD, FEED = batches(512, 2), batches(512, 5)
NORM_RULES = {
    "dropout-before-batchnorm",
    "domain-shift-statistics",
    "statistics-underconverged",
    "statistics-never-updated",
    "statistics-mismatch",
    "few-samples-per-channel",
    "preprocessing-mismatch",
    "batchnorm-without-running-stats",
    "averaged-weights-stale-statistics",
    "ema-buffers-not-synced",
    "batch-size-dependent-eval",
    "batch-mate-dependent-eval",
    "padding-polluted-statistics",
}


def found(model, held=HELD, feed=FEED):
    """Findings of norm rules from warnings upward, by rule; the guard is held to its word besides."""
    before = fingerprint(model)
    report = evalcheck.check(model, held, feed)
    assert not report.faults
    assert fingerprint(model) == before
    return {f.rule: f for f in report.at_least("warning") if f.rule in NORM_RULES}


def reset(model):
    model[1].reset_running_stats()
    return model


def edited(model):
    model[1].running_mean += 1.5
    return model


def averaged():
    one, two = trained(mlp(), epochs=4), trained(mlp(), epochs=12, seed=1)
    model = AveragedModel(one)
    model.update_parameters(one)
    model.update_parameters(two)
    return model


def off_centre():
    """Features moved to either side: the input as a whole keeps its mean, and nearly its spread."""
    moved = torch.where(torch.arange(FEATURES) % 2 == 0, 0.9, -0.9)
    return [(x + moved, y) for x, y in HELD]


ONE_FAULT = {
    "statistics-never-updated": lambda: (reset(trained(mlp())), HELD, FEED),
    "statistics-underconverged": lambda: (trained(mlp(momentum=0.001)), HELD, FEED),
    "statistics-mismatch": lambda: (edited(trained(mlp())), HELD, FEED),
    "averaged-weights-stale-statistics": lambda: (averaged(), HELD, FEED),
    "domain-shift-statistics": lambda: (trained(mlp()), off_centre(), FEED),
    "preprocessing-mismatch": lambda: (trained(mlp()), batches(512, 2, gain=0.3), FEED),
    "batchnorm-without-running-stats": lambda: (trained(mlp(track_running_stats=False)), HELD, FEED),
}


@pytest.mark.parametrize("rule", ONE_FAULT)
def test_a_fault_is_told_once_by_its_own_rule(rule):
    """What is specific wins over what is general."""
    model, held, feed = ONE_FAULT[rule]()
    assert set(found(model, held, feed)) == {rule}


def test_the_measured_number_reaches_a_rule_of_the_graph():
    """statistics-never-updated has no check of the probe, and yet its number."""
    finding = found(reset(trained(mlp())))["statistics-never-updated"]
    assert "Measured" in finding.message
    assert finding.severity == "error"


def test_dropout_before_a_norm_is_told_with_both_ratios():
    """Where it costs: half of the inputs dropped right in front of a norm."""

    def build():
        parts = [nn.Linear(FEATURES, 48), nn.ReLU(), nn.Dropout(0.6), nn.BatchNorm1d(48)]
        return nn.Sequential(*parts, nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, CLASSES))

    reports = [evalcheck.check(trained(build(), seed=seed), HELD, FEED) for seed in range(2)]
    told = [f for r in reports for f in r.findings if f.rule == "dropout-before-batchnorm"]
    assert len(told) == 2
    assert all("times as much in train mode" in f.message and "predicted" in f.message for f in told)


def test_a_harmless_dropout_before_a_norm_is_cleared():
    """The graph suspects it, the loss does not suffer: a note."""
    report = evalcheck.check(trained(mlp(after=0.1)), HELD, FEED)
    told = [f for f in report.findings if f.rule == "dropout-before-batchnorm"]
    assert [f.severity for f in told] == ["note"]


def test_small_training_batches_are_told_where_they_cost():
    """Two samples a batch: statistics are little more than the sample itself."""
    torch.manual_seed(0)
    told = found(trained(mlp(), size=2, epochs=2), HELD, batches(512, 5, size=2))
    assert set(told) <= {"few-samples-per-channel", "statistics-mismatch"}
    few = told.get("few-samples-per-channel")
    assert few is None or "In batches of 2 batch norm '1'" in few.message
    assert few is None or "from about 2 independent values a channel" in few.message


def test_an_input_that_was_not_scaled_is_asked_after():
    """Without training data stale statistics look the same: the message names both."""
    held = batches(512, 2, gain=50.0)
    report = evalcheck.check(trained(mlp()), held)
    told = [f.message for f in report.findings if f.rule == "statistics-mismatch"]
    assert told
    assert "not scaled" in told[0]
    with_training = found(trained(mlp()), held, FEED)
    assert "times as large" in with_training["preprocessing-mismatch"].message


class Tagger(nn.Module):
    """A norm over sequences, which sees padding or not."""

    def __init__(self, masked):
        super().__init__()
        self.masked = masked
        self.layer, self.norm, self.head = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)

    def forward(self, x, mask):
        hidden = self.layer(x)
        if self.masked:
            out = torch.zeros_like(hidden)
            out[mask.bool()] = self.norm(hidden[mask.bool()])
        else:
            out = self.norm(hidden.transpose(1, 2)).transpose(1, 2)
        return self.head((out.relu() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))


def padded_batches():
    torch.manual_seed(0)
    masks = [(torch.arange(10)[None] < torch.randint(2, 11, (32, 1))).float() for _ in range(6)]
    return [{"x": (3 + torch.randn(32, 10, 4)) * mask[..., None], "mask": mask} for mask in masks]


def tagger(masked, loader):
    model = Tagger(masked)
    nn.init.normal_(model.norm.bias)
    for _ in range(10):
        for batch in loader:
            model(**batch)
    return model


@pytest.mark.parametrize("masked", [True, False])
def test_padding_that_enters_statistics_is_told(masked):
    """Only where the norm sees it."""
    loader = padded_batches()
    told = found(tagger(masked, loader), loader, None)
    assert ("padding-polluted-statistics" in told) is not masked


def test_statistics_without_padding_are_those_of_the_data():
    """Against the moments of the rows that the mask keeps."""
    loader = padded_batches()
    model = tagger(False, loader)
    trial = checkup.trial(model, loader)
    split = padded.measured(trial.passes, trial.feed)
    call = trial.feed.whole.kwargs
    rows = model.layer(call["x"])[call["mask"].bool()].double()
    assert split.told_by == "mask"
    assert split.valid["norm"].n == len(rows)
    assert torch.allclose(split.valid["norm"].mean, rows.mean(0), atol=1e-4)
    assert torch.allclose(split.valid["norm"].var, rows.var(0, correction=0), rtol=1e-3)


def test_a_spectral_norm_that_does_not_fit_is_told_with_its_effect():
    """Converging the vectors leaves the model as it was, and brings the weight to norm 1."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.utils.spectral_norm(nn.Linear(FEATURES, 32)),
        nn.BatchNorm1d(32),
        nn.utils.parametrizations.spectral_norm(nn.Linear(32, CLASSES)),
    )
    with torch.no_grad():
        nn.init.normal_(model[1].bias)
        model[0].weight_orig.normal_()
        model[2].parametrizations.weight.original.normal_()
    before = fingerprint(model)
    report = evalcheck.check(model, HELD, FEED)
    told = {f.rule: f for f in report.findings}["spectral-norm-uninitialised"]
    assert "move the eval output" in told.message
    assert fingerprint(model) == before
    model.eval()
    with torch.no_grad():
        spectral_shift.converge(model)
    assert spectral_shift.sigmas(model) == pytest.approx({"0": 1.0, "2": 1.0}, rel=1e-2)


def test_a_recalibrated_average_is_silent():
    """update_bn is the cure, and is seen to be."""
    model = averaged()
    update_bn([x for x, _ in FEED], model)
    assert not found(model)


def test_a_copy_that_follows_no_training_is_no_average():
    """An AveragedModel that never averaged is the model itself."""
    assert not found(AveragedModel(copy.deepcopy(trained(mlp()))))


HEALTHY = {
    "batches of 16": lambda: trained(mlp(), size=16, epochs=20),
    "dropout of a tenth": lambda: trained(mlp(after=0.1), epochs=20),
    "dropout behind the last norm": lambda: trained(
        nn.Sequential(*mlp()[:-1], nn.Dropout(0.5), nn.Linear(32, CLASSES)), epochs=20
    ),
    "group norm": lambda: trained(mlp(norm=lambda width: nn.GroupNorm(4, width)), epochs=6),
    "cumulative average": lambda: trained(mlp(momentum=None), epochs=30),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_models_are_silent(name):
    """No warning of any norm rule."""
    assert not found(HEALTHY[name]())
