"""The probe names the planted cause, and is silent about healthy models."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import evalcheck
from tests.probe.nets import Shared, batches, mlp, trained

HELD, FEED = batches(512, 2), batches(512, 5)


class Encoder(nn.Module):
    """A transformer over single features, as in the field: layer norm and dropout."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(1, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.encoder(self.embed(x.unsqueeze(2))).mean(1))


class Frozen(nn.Module):
    """Norms that stay in eval mode while the rest trains."""

    def __init__(self):
        super().__init__()
        self.net = mlp()

    def train(self, mode=True):
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.eval()
        return self

    def forward(self, x):
        return self.net(x)


class Noise(nn.Module):
    """Noise that asks for the mode."""

    def __init__(self):
        super().__init__()
        self.net = mlp(norm=nn.LayerNorm)

    def forward(self, x):
        return self.net(x + 0.3 * torch.randn_like(x) if self.training else x)


class Groups(nn.GroupNorm):
    def __init__(self, width):
        super().__init__(4, width)


HEALTHY = {
    "batch norm": lambda: mlp(),
    "dropout behind the norm": lambda: mlp(norm=nn.LayerNorm, after=0.3),
    "group norm": lambda: mlp(norm=Groups),
    "transformer": Encoder,
    "frozen norms": Frozen,
    "gated noise": Noise,
    "cumulative average": lambda: mlp(momentum=None),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_model_is_silent(name):
    """No warning and no error where nothing is wrong."""
    model = trained(HEALTHY[name](), epochs=25)
    report = evalcheck.check(model, HELD, FEED)
    assert report.ok("warning"), str(report)
    assert not report.faults
    assert report.measurements.divergence is not None


def stale():
    model = trained(mlp())
    model[1].running_mean += 2.0
    return model


def slow():
    return trained(mlp(momentum=0.001), epochs=4)


FAULTS = {
    "shared": (lambda: trained(Shared()), "shared-batchnorm", "norm"),
    "edited statistics": (stale, "statistics-mismatch", "1"),
    "momentum too small for the steps": (slow, "statistics-underconverged", None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named_with_its_module(name):
    """The symptom is reported with its cause, and the cause with the culprit first."""
    build, rule, module = FAULTS[name]
    report = evalcheck.check(build(), HELD, FEED)
    found = {finding.rule: finding for finding in report.findings}
    assert found["train-eval-divergence"].severity in ("warning", "error")
    assert rule in found, str(report)
    assert module is None or found[rule].place.module == module
    proved = [remedy for remedy in found[rule].remedies if remedy.status == "proved"]
    assert proved, str(report)


def test_statistics_per_call_are_shown_to_beat_recalibration_for_a_shared_norm():
    """The popular cure is tried beside the right one, on samples that did not feed either."""
    report = evalcheck.check(trained(Shared()), HELD, FEED)
    tried = {attempt.name: attempt for attempt in report.measurements.attempts}
    assert tried["per-call-statistics"].status == "proved"
    loss = {name: {s: after for s, _, after in a.scores}["loss"] for name, a in tried.items() if a.scores}
    assert loss["per-call-statistics"] < 0.7 * loss["recalibrate"]
    cause = report.measurements.causes[0]
    assert cause.name == "shared"
    assert cause.recovers > 0


def test_without_a_training_loader_half_of_the_data_feeds_the_remedies():
    """What judges a remedy is never what fed it."""
    report = evalcheck.check(stale(), HELD)
    assert report.measurements.conditions.samples == 256
    assert report.measurements.conditions.train_loader is None
    assert "statistics-mismatch" in {finding.rule for finding in report.findings}


def test_without_targets_the_distance_judges():
    """Inputs alone are enough to see that eval mode is elsewhere, not that it is worse."""
    report = evalcheck.check(stale(), [x for x, _ in HELD], [x for x, _ in FEED])
    assert report.measurements.scores == ()
    assert "train-eval-divergence" in {finding.rule for finding in report.findings}
    assert "accuracy" not in str(report)


def test_a_fresh_model_leaves_gaps_instead_of_findings():
    """Statistics of weights that nobody trained say nothing."""
    report = evalcheck.check(mlp(), HELD, FEED)
    assert report.ok(), str(report)
    reasons = {gap.rule: gap.reason for gap in report.gaps}
    assert "freshly initialised" in reasons["train-eval-divergence"]
    assert "freshly initialised" in reasons["statistics-mismatch"]


def test_batch_norm_without_running_statistics_depends_on_the_batch_size():
    """The size of the batch changes the answer: an error, with the module named."""
    model = trained(mlp(track_running_stats=False))
    report = evalcheck.check(model, HELD, FEED)
    found = {finding.rule: finding for finding in report.findings}
    assert "batch-size-dependent-eval" not in found  # the symptom has joined its cause
    assert found["batchnorm-without-running-stats"].severity == "error"
    assert found["batchnorm-without-running-stats"].place.module == "1"


def test_functional_dropout_is_measured_as_noise():
    """The call that the tracer saw gains the number; what modes do cannot be told under that noise."""

    class Loose(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp(norm=nn.LayerNorm)

        def forward(self, x):
            return nn.functional.dropout(self.net(x), 0.5)

    report = evalcheck.check(trained(Loose()), HELD, FEED)
    (finding,) = [finding for finding in report.findings if finding.severity == "error"]
    assert (finding.rule, finding.certainty) == ("functional-dropout-ungated", "measured")
    assert report.measurements.divergence is None
    assert any("differs from itself" in gap.reason for gap in report.gaps)


def test_shares_add_up_and_name_the_culprit():
    """Statistic gates are complete up to a tenth, and blame the layer that was edited."""
    measured = evalcheck.check(stale(), HELD, FEED).measurements
    assert abs(measured.completeness - 1) < 0.1
    assert measured.layers[0].module == "1"
    assert measured.layers[0].share > 0.8


def test_the_same_seed_gives_the_same_figures():
    """A report can be repeated to the last digit."""
    model = stale()
    one, two = (evalcheck.check(model, HELD, FEED).measurements for _ in range(2))
    assert one.divergence == two.divergence
    assert one.scores == two.scores
    assert one.layers == two.layers


def test_a_regression_is_judged_in_units_of_its_targets():
    """Targets in thousands or thousandths make no difference to the verdict."""
    x, _ = HELD[0]
    for unit in (1e-3, 1e3):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.Linear(16, 1))
        data = [(x, unit * x.sum(1, keepdim=True)) for x, _ in FEED]
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(30):
            for x, y in data:
                optimizer.zero_grad()
                nn.functional.mse_loss(model(x), y / unit).backward()
                optimizer.step()
        with torch.no_grad():
            model[2].weight *= unit
            model[2].bias *= unit
        held = [(x, unit * x.sum(1, keepdim=True)) for x, _ in HELD]
        assert evalcheck.check(model, held, data).ok()
        model[1].running_var *= 4
        report = evalcheck.check(model, held, data)
        assert "train-eval-divergence" in {finding.rule for finding in report.findings}, str(report)
        assert "squared error" in str(report)


def test_train_mode_is_measured_with_the_batches_of_training():
    """A norm's batch is part of what train mode computes."""
    report = evalcheck.check(trained(mlp(), epochs=4), batches(256, 2, size=64), batches(256, 5, size=8))
    assert report.measurements.conditions.batch_size == 8


def test_the_users_metric_decides_where_there_is_one():
    """Smaller is better unless it says otherwise."""

    def accuracy(output, targets):
        return (output.argmax(1) == targets).float().mean()

    accuracy.higher_is_better = True
    report = evalcheck.check(stale(), HELD, FEED, metric=accuracy)
    score = report.measurements.scores[0]
    assert (score.name, score.higher_is_better) == ("metric accuracy", True)
    assert score.harm > 0
    assert "train-eval-divergence" in {finding.rule for finding in report.findings}


def test_evaluation_data_unlike_the_training_data_is_told_from_wrong_statistics():
    """The model is healthy on the data that it knows: the data is the cause, and no layer is blamed."""
    model = trained(mlp(), epochs=25)
    report = evalcheck.check(model, batches(512, 2, gain=2.5), FEED)
    cause = next(cause for cause in report.measurements.causes if cause.material)
    assert cause.name == "domain"
    assert "statistics-mismatch" not in {f.rule for f in report.at_least("warning")}
    assert "the evaluation inputs are not prepared as the training inputs" in str(report)
    healthy = evalcheck.check(model, HELD, FEED)
    assert "domain" not in {cause.name for cause in healthy.measurements.causes}
