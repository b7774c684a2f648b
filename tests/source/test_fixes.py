"""What the fixes of the first rules do to a text, and what keeps them silent."""

from __future__ import annotations

import ast

import pytest

from evalcheck import checks
from evalcheck.finding import Edit
from evalcheck.source import SourceFile


def apply(text: str, edits: tuple[Edit, ...]) -> str:
    lines = text.split("\n")
    for edit in edits:
        line = lines[edit.span.line - 1]
        at = edit.span.column - 1
        lines[edit.span.line - 1] = line[:at] + edit.text + line[at:]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "call",
    ["F.dropout(x)", "F.dropout(x, p=0.2,)", "F.dropout((x))", "F.dropout(\n            x,  # é\n        )"],
)
def test_the_fix_of_a_dropout_cures_it(call: str) -> None:
    """The text stays valid Python, and nothing is reported any more."""
    text = (
        "from torch import nn\nimport torch.nn.functional as F\n"
        f"class Net(nn.Module):\n    def forward(self, x):\n        return {call}\n"
    )
    check = checks.find("source", "functional-dropout-ungated")
    (sighting,) = check(SourceFile.from_text(text, "a.py"), {})
    assert sighting.fix is not None
    mended = apply(text, sighting.fix.edits)
    ast.parse(mended)
    assert "training=self.training" in mended
    assert not list(check(SourceFile.from_text(mended, "a.py"), {}))


def test_the_fix_of_a_forgotten_call_is_its_parentheses() -> None:
    """model.eval becomes model.eval()."""
    (sighting,) = checks.find("source", "eval-not-called")(
        SourceFile.from_text("import torch\nmodel.eval\n", "a.py"), {}
    )
    assert sighting.fix is not None
    assert sighting.fix.safe
    assert apply("import torch\nmodel.eval\n", sighting.fix.edits) == "import torch\nmodel.eval()\n"


def test_a_module_that_only_training_calls_is_left_alone() -> None:
    """Its own forward does not look at the mode; the forward that calls it does."""
    text = (
        "from torch import nn\nimport torch.nn.functional as F\n"
        "class Thin(nn.Module):\n    def forward(self, x):\n        return F.dropout(x)\n"
        "class Net(nn.Module):\n    def __init__(self):\n        self.thin = Thin()\n"
        "    def forward(self, x):\n        {}x = self.thin(x)\n        return x\n"
    )
    check = checks.find("source", "functional-dropout-ungated")
    assert list(check(SourceFile.from_text(text.format(""), "a.py"), {}))
    assert not list(check(SourceFile.from_text(text.format("if self.training: "), "a.py"), {}))


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("others.append(layer)", False),
        ("others.append(Wrapped(layer=layer))", False),
        ("others.append(layer(x))", True),
        ("x = layer(x); others.append(x)", True),
    ],
)
def test_modules_that_are_carried_into_another_collection_may_be_registered_there(
    body: str, seen: bool
) -> None:
    """What they give when they are called is another thing."""
    text = (
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layers = []\n        for n in range(3):\n"
        "            self.layers.append(nn.Linear(3, 3))\n"
        "        self.rest = nn.Sequential(*self.other())\n"
        "    def other(self, x=0):\n        others = []\n        for layer in self.layers:\n"
        f"            {body}\n        return others\n"
    )
    check = checks.find("source", "unregistered-submodule")
    assert bool(list(check(SourceFile.from_text(text, "a.py"), {}))) == seen
