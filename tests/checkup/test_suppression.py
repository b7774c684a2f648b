"""What a comment in the user's code says is meant is not reported, by whichever layer it was seen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import evalcheck

NET = """import torch
import torch.nn.functional as F
from torch import nn


class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(F.dropout(x, 0.5)){comment}
"""


@pytest.mark.parametrize(("comment", "found"), [("", True), ("  # evalcheck: ignore[noise] wanted", False)])
def test_a_comment_silences_what_the_reader_sees_of_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comment: str, found: bool
) -> None:
    """The measured symptom without a line stays: it is the answer to the question."""
    name = "Net" if found else "Silent"
    module = f"suppressed_{name.lower()}"
    (tmp_path / f"{module}.py").write_text(NET.format(name=name, comment=comment))
    monkeypatch.syspath_prepend(tmp_path)
    model = getattr(__import__(module), name)()
    try:
        report = evalcheck.check(model, torch.randn(64, 4).split(8))
    finally:
        sys.modules.pop(module)
    rules = {finding.rule for finding in report.findings}
    assert ("functional-dropout-ungated" in rules) == found
