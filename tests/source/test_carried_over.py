"""Hidden state on the module is found however it is kept, and what starts anew or is another's is not."""

from __future__ import annotations

import textwrap

import pytest

from evalcheck.checkup.reading import lint_text
from evalcheck.settings import Settings

HEAD = """
import torch
from torch import nn
"""


def lines(code):
    """The text of each line that is reported, as the whole reader does it, triggers and all."""
    text = HEAD + textwrap.dedent(code)
    report = lint_text("net.py", text.encode(), Settings(select=frozenset({"stateful-forward"})))
    return [finding.place.span.text for finding in report.findings]


@pytest.mark.parametrize(
    ("forward", "kept"),
    [
        ("out, self.h = self.net(x, self.h)\n        return out", "out, self.h = self.net(x, self.h)"),
        (
            "out, h = self.net(x) if self.h is None else self.net(x, self.h)\n        self.h = h\n"
            "        return self.head(out) + out",
            "self.h = h",
        ),
        (
            "if self.h is None:\n            out, (h, c) = self.net(x)\n        else:\n"
            "            out, (h, c) = self.net(x, self.h)\n        self.h = (h.detach(), c.detach())\n"
            "        return out",
            "self.h = (h.detach(), c.detach())",
        ),
        (
            "y = x if self.h is None else self.h + 0.1 * x\n        self.h = y.detach()\n        return y",
            "self.h = y.detach()",
        ),
    ],
)
def test_state_that_starts_as_none_is_found(forward, kept):
    code = f"""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.h = nn.LSTM(8, 8), None

    def forward(self, x):
        {forward}
"""
    assert lines(code) == [kept]


@pytest.mark.parametrize(
    "forward",
    [
        "h = self.net(x)\n        self.h = h\n        return h",
        "h = self.h if self.h is not None else self.net(x)\n        self.h = h\n        return h * x",
        "h = self.h.to(x.device) if self.h is not None else x\n        self.h = h\n        return h",
        "self.h = None\n        y = x + self.net(x, self.h)\n        self.h = y\n        return y",
    ],
)
def test_what_is_only_kept_or_made_once_is_not(forward):
    code = f"""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.h = nn.LSTM(8, 8), None

    def forward(self, x):
        {forward}
"""
    assert lines(code) == []


RECURRENT = """
class Net(nn.Module):
    def forward(self, x):
        out, self.h = self.net(x, self.h)
        return out
"""


def test_another_module_of_the_file_has_an_attribute_of_its_own():
    """A trainer that sets it from outside resets it, and so does a subclass; an unrelated module does not."""
    other = "class Other(nn.Module):\n    def __init__(self):\n        self.h = None\n"
    assert len(lines(RECURRENT + other)) == 1
    assert lines(RECURRENT + other.replace("nn.Module", "Net").replace("__init__", "begin")) == []
    assert lines(RECURRENT + "def evaluate(model):\n    model.h = None\n") == []
