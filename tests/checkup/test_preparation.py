"""Inputs prepared otherwise than in training are one finding, with what that does to the model."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from evalcheck import check
from evalcheck.checks.probe import statistics_mismatch
from evalcheck.measurement import Score
from evalcheck.probe import effect
from evalcheck.probe.effect import Effect
from evalcheck.probe.statistics import blame

RULES = ("preprocessing-mismatch", "domain-shift-statistics", "train-eval-divergence")


def trained(norm):
    """A model, and samples that it knows, before normalisation."""
    torch.manual_seed(0)
    classes = torch.arange(384) % 3
    images = 0.4 * torch.rand(3, 3, 6, 6)[classes] + 0.6 * torch.rand(384, 3, 6, 6)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), norm(8), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(8):
        for x, y in zip(normalised(images[:256]).split(32), classes.split(32), strict=False):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model, images, classes


def normalised(images):
    return (images - 0.5) / 0.2


def examined(norm, prepared, cut=256):
    model, images, classes = trained(norm)
    train = DataLoader(TensorDataset(normalised(images[:cut]), classes[:cut]), 32, shuffle=True)
    held = DataLoader(TensorDataset(prepared(images[cut:]), classes[cut:]), 32)
    return check(model, held, train)


def severities(report):
    return {f.rule: f.severity for f in report.findings if f.rule in RULES}


def test_batch_norms_that_show_it_are_told_with_the_cause():
    """The loaders, the statistics and the gap are one fault; the symptom names it and comes last."""
    report = examined(nn.BatchNorm2d, lambda images: images)
    assert severities(report) == {"preprocessing-mismatch": "error", "train-eval-divergence": "error"}
    cause, symptom = report.findings[0], report.findings[-1]
    assert cause.rule == "preprocessing-mismatch"
    assert [s.layer for s in cause.sightings] == ["probe", "probe", "loader"]
    assert "norm '1'" in cause.message
    assert symptom.message.endswith("The finding preprocessing-mismatch tells of that cause.")


@pytest.mark.parametrize(("apart", "told"), [(366.0, 0), (0.1, 1), (None, 1)])
def test_statistics_that_are_right_are_not_blamed_for_what_the_inputs_do(monkeypatch, apart, told):
    """What a finite sample leaves of each norm is magnified by inputs far from those of training."""
    judge = Score("loss", False, 1.1e4, 0.1, 512)
    steps = {"stale": Effect(0.33, judge, 370.0, 1.0)}
    steps |= {"domain": Effect(apart, judge, 1e4, 1.0)} if apart else {}
    norm = SimpleNamespace(module="1", stale=0.0028, share=1.0)
    trial = SimpleNamespace(has_norms=True, require_training=list, foreign=True, fed_by="the training data")
    monkeypatch.setattr(effect, "of_step", lambda _, name: steps.get(name))
    monkeypatch.setattr(effect, "of_order", lambda *_: False)
    for name, value in (("mismatched", []), ("spread_out", [[norm]]), ("part", 1.0)):
        monkeypatch.setattr(blame, name, lambda *_, value=value: value)
    options = {"output": 0.02, "layer": 0.01, "harm": 0.01, "scaled": 5.0, "order": 0.1}
    assert len(list(statistics_mismatch.check(trial, options))) == told


def test_a_model_without_batch_norms_suffers_as_well():
    """Both modes are equally bad there: what training's mean and spread give back is the number."""
    report = examined(lambda width: nn.GroupNorm(2, width), lambda images: 5 * images + 3)
    (finding,) = report.findings
    assert (finding.rule, finding.severity) == ("preprocessing-mismatch", "error")
    assert "which costs" in finding.message


def test_what_has_no_effect_on_the_model_is_a_note():
    """A norm of each sample takes scale and offset off."""
    model, images, classes = trained(nn.BatchNorm2d)
    whole = nn.Sequential(nn.LayerNorm((3, 6, 6), elementwise_affine=False), model)
    train = DataLoader(TensorDataset(normalised(images[:256]), classes[:256]), 32, shuffle=True)
    held = DataLoader(TensorDataset(images[256:], classes[256:]), 32)
    found = {f.rule: f for f in check(whole, held, train).findings}
    assert found["preprocessing-mismatch"].severity == "note"
    assert "no effect on these batches" in found["preprocessing-mismatch"].message


def test_inputs_that_agree_are_no_finding():
    assert not severities(examined(nn.BatchNorm2d, normalised))
