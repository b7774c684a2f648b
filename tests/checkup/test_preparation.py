"""Inputs prepared otherwise than in training are one finding, with what that does to the model."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from evalcheck import check

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
