"""Where things stand, what names mean, and which function a call reaches."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcheck.source import SourceFile
from evalcheck.source.forwards import run_by_forward


def read(text: str) -> SourceFile:
    return SourceFile.from_text(text, "net.py")


def last_call(file: SourceFile) -> ast.Call:
    return max(file.every_call(), key=lambda call: (call.lineno, call.col_offset))


@pytest.mark.parametrize(
    ("text", "dotted"),
    [
        ("import torch.nn.functional as F\nF.dropout(x)", "torch.nn.functional.dropout"),
        ("import torch\ntorch.nn.functional.dropout(x)", "torch.nn.functional.dropout"),
        ("from torch import nn\nnn.functional.dropout(x)", "torch.nn.functional.dropout"),
        ("from torch.nn.functional import dropout as d\nd(x)", "torch.nn.functional.dropout"),
        ("from torch.nn.functional import *\ndropout(x)", "torch.nn.functional.dropout"),
        ("import torch\nnn = torch.nn\nnn.Linear(1, 1)", "torch.nn.Linear"),
        ("from .layers import Block\nBlock()", ".layers.Block"),
        ("from . import layers\nlayers.Block()", ".layers.Block"),
        ("import torch.nn.functional as F\ndef f(F):\n    F.dropout(x)", None),
        ("import torch.nn.functional as F\ndef f():\n    F = other()\n    F.dropout(x)", None),
        ("def f():\n    import torch.nn.functional as F\n    F.dropout(x)", "torch.nn.functional.dropout"),
        ("F.dropout(x)", None),
    ],
)
def test_names_are_followed_through_imports(text: str, dotted: str | None) -> None:
    """Aliases, stars and relative imports resolve; what a function binds itself does not."""
    file = read(text)
    assert file.resolve(last_call(file).func) == dotted


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("margin", ["    ", "\t"])
def test_spans_count_characters_whatever_ends_the_lines(end: str, margin: str) -> None:
    """Not bytes, and form feeds in strings end no line."""
    lines = ["def f():", f"{margin}é = 'ß\f', model.eval", ""]
    file = read(end.join(lines))
    attribute = file.index.attributes[file.index.functions[0]][0]
    span = file.span(attribute)
    assert (span.line, span.column, span.end_column) == (2, len(margin) + 11, len(margin) + 21)
    assert file.lines.line(2)[span.column - 1 : span.end_column - 1] == "model.eval"
    assert span.text == lines[1].strip()


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20))
def test_a_span_cuts_out_its_own_text(words: str) -> None:
    """Any characters may stand before it."""
    file = read(f"x = {words!r}; model.eval(1)")
    span = file.span(last_call(file))
    assert file.lines.line(1)[span.column - 1 : span.end_column - 1] == "model.eval(1)"


def test_calls_reach_functions_methods_and_inherited_methods() -> None:
    """Within one file, and not past a name that a function binds itself."""
    file = read(
        "def helper(): pass\n"
        "class A:\n    def step(self): helper()\n"
        "class B(A):\n    def run(self, other):\n"
        "        self.step()\n        super().step()\n        other()\n"
        "def f(helper):\n    helper()\n"
    )
    reached = {call.lineno: file.callee(call) for call in file.every_call()}
    names = {line: info.name if info else None for line, info in reached.items()}
    assert names[3] == "helper"
    assert names[6] == "step"
    assert names[8] is None
    assert names[10] is None


def test_forward_reaches_helpers_but_not_through_a_mode_test() -> None:
    """A helper that only training calls does not run in evaluation."""
    file = read(
        "from torch import nn\n"
        "def both(x): return x\n"
        "def only_train(x): return x\n"
        "class Net(nn.Module):\n"
        "    def forward(self, x):\n"
        "        if self.training:\n            x = only_train(x)\n"
        "        return self.head(both(x))\n"
        "    def head(self, x): return x\n"
        "    def loss(self, x): return x\n"
    )
    assert {info.name for info in run_by_forward(file)} == {"forward", "both", "head"}


def test_a_module_is_told_by_its_bases() -> None:
    """Through classes of the file; frameworks and unknown bases are not modules for certain."""
    file = read(
        "from torch import nn\nimport lightning as L\nfrom x import Base\n"
        "class A(nn.Module): pass\nclass B(A): pass\nclass C(L.LightningModule): pass\n"
        "class D(Base):\n    def forward(self, x): pass\nclass E: pass\n"
    )
    told = {info.name: (info.is_module, info.may_be_module, info.of_framework) for info in file.classes}
    assert told["B"] == (True, True, False)
    assert told["C"][2]
    assert told["D"] == (False, True, False)
    assert told["E"] == (False, False, False)
