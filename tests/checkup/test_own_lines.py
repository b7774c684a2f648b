"""A fault in a module of an installed library stands at the user's line that holds the module."""

from __future__ import annotations

import importlib
import sys

import pytest
import torch
from torch import nn

from evalcheck import check

SHELF = """
from torch import nn

class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8, momentum=0.001))

    def forward(self, x):
        return self.layers(x)
"""


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A library that was installed."""
    home = tmp_path / "site-packages"
    home.mkdir()
    (home / "shelf_of_bodies.py").write_text(SHELF)
    monkeypatch.syspath_prepend(str(home))
    yield importlib.import_module("shelf_of_bodies")
    del sys.modules["shelf_of_bodies"]


class Net(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.backbone = body()
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.backbone(x))


def found(model):
    torch.manual_seed(0)
    for _ in range(40):
        model(torch.randn(64, 8))
    report = check(model, [3 * torch.randn(32, 8) + 1 for _ in range(4)])
    return next(f for f in report.findings if f.rule == "statistics-underconverged")


def quoted(finding):
    quotes = (e for e in finding.evidence if getattr(e, "role", "") == "the line in the library")
    return [quote.place.span.path for quote in quotes]


def test_the_users_line_that_holds_the_module_is_shown_and_the_librarys_quoted(shelf):
    finding = found(Net(shelf.Body))
    assert finding.place.span.path.endswith("test_own_lines.py")
    assert finding.place.span.text == "self.backbone = body()"
    assert finding.place.module == "backbone.layers.1"
    assert quoted(finding)
    assert all(path.endswith("shelf_of_bodies.py") for path in quoted(finding))


def test_of_a_model_that_is_all_a_librarys_the_module_is_named(shelf):
    finding = found(shelf.Body())
    assert finding.place.span is None
    assert finding.place.module == "layers.1"
    assert quoted(finding)
    assert {s.layer for s in finding.sightings} == {"graph", "probe"}
