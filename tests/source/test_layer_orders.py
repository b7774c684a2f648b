"""Which dropout comes right before which batch norm, as far as the text shows."""

from __future__ import annotations

import pytest

from evalcheck.source import SourceFile
from evalcheck.source.normalisation.layer_orders import dropouts_before_norms

HEAD = "from collections import OrderedDict\nfrom torch import nn\n"


def norms(text: str) -> list[tuple[int, bool]]:
    file = SourceFile.from_text(HEAD + text, "net.py")
    return [(meeting.norm.lineno - 2, meeting.sure) for meeting in dropouts_before_norms(file)]


@pytest.mark.parametrize(
    "text",
    [
        "nn.Sequential(nn.Dropout(0.2), nn.BatchNorm1d(3))",
        "nn.Sequential(nn.Dropout(), nn.LeakyReLU(0.1), nn.Flatten(), nn.BatchNorm2d(3))",
        "layers = [nn.Dropout(p), nn.BatchNorm1d(3) if norm else None]",
        "nn.Sequential(OrderedDict([('drop', nn.Dropout(0.5)), ('norm', nn.BatchNorm1d(3))]))",
        "layers = [nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(3)]",
    ],
)
def test_side_by_side(text: str) -> None:
    """Written one behind the other, with at most activations between."""
    assert norms(text) == [(1, True)]


@pytest.mark.parametrize(
    "text",
    [
        "nn.Sequential(nn.Dropout(0.2), nn.Linear(3, 3), nn.BatchNorm1d(3))",
        "nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.2))",
        "nn.Sequential(nn.Dropout(0.0), nn.BatchNorm1d(3))",
        "nn.Sequential(nn.Dropout(0.5), layer(3), nn.BatchNorm1d(3))",
        "nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3, track_running_stats=False))",
        "def f(n):\n  if n:\n    n.append(nn.Dropout())\n  else:\n    n.append(nn.BatchNorm1d(3))",
        "def f(a, b):\n    a.append(nn.Dropout())\n    b.append(nn.BatchNorm1d(3))",
    ],
)
def test_apart(text: str) -> None:
    """Something lies between, or only one of the two is there."""
    assert norms(text) == []


def test_appended_under_conditions() -> None:
    """Statement by statement; ``extend`` and ``+=`` go on with the same list."""
    text = """def f(n, drop):
    n.append(nn.Linear(3, 3))
    if drop:
        n.append(nn.Dropout(drop))
    n += [nn.ReLU()]
    n.extend([nn.BatchNorm1d(3), nn.Dropout(0.5)])
    n.append(nn.BatchNorm1d(3))
"""
    assert norms(text) == [(6, True), (7, True)]


def test_a_rate_that_is_zero_by_default_is_not_sure() -> None:
    """Callers decide."""
    both = "nn.Dropout(p), nn.BatchNorm1d(3), nn.Dropout(q), nn.BatchNorm1d(3)"
    text = f"def f(p=0.0, *, q=0.3):\n    return nn.Sequential({both})"
    assert norms(text) == [(2, False), (2, True)]


def test_through_forward() -> None:
    """By the names under which ``self`` keeps them."""
    text = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop, self.other = nn.Dropout(), nn.Dropout()
        self.dropout = nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x):
        return self.norm(self.dropout(x))
"""
    assert norms(text) == [(6, True)]
