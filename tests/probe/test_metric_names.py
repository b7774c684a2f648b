"""A metric is called what the user's code calls it, wherever its figures are shown."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn

import evalcheck
from evalcheck.probe.judging.naming import of_metric


def f1_score(outputs, targets, average="macro"):
    return float((outputs.argmax(1) == targets).float().mean())


def accuracy(outputs, targets):
    return 100 * f1_score(outputs, targets)


class MulticlassRecall:
    higher_is_better = True

    def __call__(self, outputs, targets):
        return f1_score(outputs, targets)

    def part(self, outputs, targets):
        return 0.0


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (f1_score, "f1_score"),
        (functools.partial(functools.partial(f1_score, average="micro")), "f1_score"),
        (MulticlassRecall(), "MulticlassRecall"),
        (MulticlassRecall().part, "part"),
        (nn.CrossEntropyLoss(), "CrossEntropyLoss"),
        (lambda outputs, targets: 0.0, "metric"),
        (None, "metric"),
        (accuracy, "metric accuracy"),
    ],
)
def test_a_metric_is_called_by_its_function_or_class(metric, name):
    assert of_metric(metric) == name


def test_the_name_is_in_the_figures_the_evidence_and_the_messages():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    teacher, data = torch.randn(8, 3), torch.randn(512, 8)
    loader = [(x, (x @ teacher).argmax(1)) for x in data.split(64)]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for x, y in 10 * loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    model[1].running_mean -= 2.0
    report = evalcheck.check(model, loader, metric=MulticlassRecall())
    assert report.measurements.scores[0].name == "MulticlassRecall"
    symptom = next(f for f in report.findings if f.rule == "train-eval-divergence")
    assert "MulticlassRecall" in symptom.message
    assert any(m.what == "MulticlassRecall lost in eval mode" for m in symptom.evidence)
    cause = next(f for f in report.findings if f.rule == "statistics-mismatch")
    assert "of MulticlassRecall" in cause.message
    assert {remedy.measure for remedy in cause.remedies if remedy.status == "proved"} == {"MulticlassRecall"}
    assert any(name == "MulticlassRecall" for a in report.measurements.attempts for name, _, _ in a.scores)
