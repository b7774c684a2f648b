"""Findings travel between processes and runs as plain data."""

from __future__ import annotations

import marshal
from pathlib import Path

import pytest

import evalcheck
from evalcheck.linting.plain import packed, unpacked

FAULT = """import torch
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        return torch.nn.functional.dropout(x, 0.5)
"""


def test_a_finding_comes_back_as_it_was(tmp_path: Path) -> None:
    """With its spans, quotes and fix, through marshal."""
    (tmp_path / "net.py").write_text(FAULT)
    (finding,) = evalcheck.lint(tmp_path).findings
    assert finding.fix is not None
    assert unpacked(marshal.loads(marshal.dumps(packed(finding)))) == finding


@pytest.mark.parametrize("strange", [("Path", "x"), ("os.system", "true"), ("Span",)])
def test_what_was_never_packed_is_refused(strange: tuple[object, ...]) -> None:
    """Nothing but the kinds of a finding can be made of a cache."""
    with pytest.raises((KeyError, TypeError)):
        unpacked(strange)
