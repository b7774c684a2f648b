"""The mode as a state: scripts made at random, whose true answer comes from running them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalcheck.source import SourceFile
from evalcheck.source.modes import facts

HEAD = "import torch\n"
CALL = "out = model(x)"


@dataclass
class Recorder:
    """Stands in for a model: it knows its mode and keeps the modes that it was run in."""

    training: bool = True

    def __post_init__(self) -> None:
        self.modes: list[bool] = []

    def train(self, mode: bool = True) -> Recorder:
        self.training = mode
        return self

    def eval(self) -> Recorder:
        return self.train(False)

    def __call__(self, x: object) -> object:
        self.modes.append(self.training)
        return x


STEPS = st.sampled_from(
    ["model.train()", "model.eval()", "model.train(False)", "model.train(mode=True)", "to_train(model)",
     "to_eval(model)", "model = model.to(0)", "other.eval()", "pass"]
)  # fmt: skip


@st.composite
def blocks(draw: Any, depth: int = 2) -> list[str]:
    """Statements that change the mode, in loops over phases, branches that are decided, and helpers."""
    lines: list[str] = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["step", "step", "loop", "if", "with", "try"]))
        if kind == "step" or depth == 0:
            lines.append(draw(STEPS))
            continue
        inner = ["    " + line for line in draw(blocks(depth=depth - 1)) or ["pass"]]
        other = ["    " + line for line in draw(blocks(depth=depth - 1)) or ["pass"]]
        if kind == "loop":
            lines += ["for epoch in range(2):", *inner]
        elif kind == "if":
            flag = draw(st.booleans())
            lines += [f"if {flag}:", *inner, "else:", *other]
        elif kind == "with":
            lines += ["with torch.enable_grad():", *inner]
        else:
            lines += ["try:", *inner, "finally:", *other]
    return lines


def program(body: list[str]) -> str:
    return (
        HEAD
        + "def to_train(net):\n    net.train()\n\ndef to_eval(net):\n    return net.eval()\n\n"
        + "def fit(model, other, val_loader):\n    model.train()\n"
        + textwrap.indent("\n".join(body), "    ")
        + f"\n    for x in val_loader:\n        {CALL}\n"
    )


class Quiet:
    """As much of torch as the programs use."""

    class enable_grad:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...


Recorder.to = lambda self, device: self  # type: ignore[attr-defined]


def modes_when_run(text: str) -> list[bool]:
    model, names = Recorder(), {"torch": Quiet}
    exec(text.replace("import torch\n", ""), names)  # type: ignore[arg-type]
    names["fit"](model, Recorder(), [1, 2])  # type: ignore[operator]
    return model.modes


@settings(max_examples=300, deadline=None)
@given(blocks())
def test_a_run_is_reported_only_if_it_is_in_train_mode(body: list[str]) -> None:
    """And where nothing but literals decides, it is reported if it is."""
    text = program(body)
    reported = facts(SourceFile.from_text(text, "fit.py")).runs
    truth = modes_when_run(text)
    if reported:
        assert all(truth), text
    elif all(truth):
        # loops and try may leave both ways open; a straight line decides
        assert any(word in text for word in ("range(", "try:")), text


def lines_of(text: str) -> list[int]:
    found = facts(SourceFile.from_text(textwrap.dedent(text), "a.py")).runs
    return [getattr(use.site.node, "lineno", 0) for use in found]


def test_a_helper_is_judged_by_the_caller_that_leaves_train_mode() -> None:
    """One caller in eval mode does not clear the other."""
    text = """
    import torch
    def validate(model, loader):
        with torch.no_grad():
            return [model(x) for x in loader]
    def fit(model, loader):
        model.train()
        validate(model, loader)
    def report(model, loader):
        model.eval()
        validate(model, loader)
    """
    assert lines_of(text) == [5]


@pytest.mark.parametrize(
    "between",
    [
        "self.net.eval()",
        "self.net.train(False)",
        "self.prepare()",
        "prepare(self.net)",
        "self.net.backbone.eval()",
        "for m in self.net.modules(): m.eval()",
        "self.net.training = False",
        "self.callbacks.before(self)",
        "self.net.to(0).eval()",
        "self.set_mode(False)",
    ],
)
def test_anything_that_may_change_the_mode_silences(between: str) -> None:
    """Known or not, by an alias, a part, an inherited method or a stranger."""
    text = f"""
    import torch
    class Trainer(Base):
        def fit(self):
            self.net.train()
            {between}
            self.validate()
        def set_mode(self, mode):
            self.net.train(mode)
        def validate(self):
            net = self.net
            with torch.no_grad():
                for x in self.val_loader:
                    out = net(x)
    """
    assert lines_of(text) == []


def test_the_alias_carries_the_mode() -> None:
    """The same trainer, with nothing in between."""
    text = """
    import torch
    class Trainer(Base):
        def fit(self):
            self.net.train()
            self.validate()
        def validate(self):
            net = self.net.module
            with torch.no_grad():
                for x in self.val_loader:
                    out = net(x)
    """
    assert lines_of(text) == [11]


@pytest.mark.parametrize(
    ("layer", "reported"),
    [("nn.Dropout(0.1)", True), ("nn.Dropout(0.0)", False), ("nn.ReLU()", False), ("nn.BatchNorm1d(4)", True),
     ("nn.LSTM(4, 4, dropout=0.5)", False), ("nn.LSTM(4, 4, 2, dropout=0.5)", True),
     ("nn.Dropout(p)", False)],
)  # fmt: skip
def test_a_model_that_was_only_built_counts_if_a_layer_depends_on_the_mode(
    layer: str, reported: bool
) -> None:
    """Zero rates and rates that are not known say nothing."""
    text = f"""
    import torch
    from torch import nn
    class Net(nn.Module):
        def __init__(self, p=0.0):
            super().__init__()
            self.layer = {layer}
        def forward(self, x):
            return self.layer(x)
    net = Net()
    with torch.no_grad():
        for x in test_loader:
            y = net(x)
    """
    assert bool(lines_of(text)) is reported


@pytest.mark.parametrize(
    "text",
    [
        # a name of metrics, a device, a mask: none of them is held-out data
        "def fit(model, x, eval_metrics):\n    model.train()\n    with torch.no_grad():\n"
        "        for metric in eval_metrics:\n            y = metric(model(x))\n",
        "def step(model, x, dev):\n    model.train()\n    with torch.no_grad():\n"
        "        y = model(x.to(dev))\n",
        # something that is no module has a train() and a predict() of its own
        "def evaluate(agent, test_set):\n    agent.train()\n    for x in test_set:\n"
        "        y = agent.predict(x)\n",
        # a global that a function sets anew
        "from torchvision import models\nnet = models.resnet18()\ndef load():\n    global net\n"
        "    net = other()\nload()\nwith torch.no_grad():\n    for x in test_loader:\n        y = net(x)\n",
        # train mode under no_grad, the output unused: statistics are estimated again
        "def validate(model, val_loader):\n    model.train()\n    for x in val_loader:\n        model(x)\n",
        # the call is told the mode
        "def validate(model, val_loader):\n    model.train()\n    for x in val_loader:\n"
        "        y = model(x, training=False)\n",
        # Lightning's hooks
        "import lightning as L\nclass Net(L.LightningModule):\n    def on_fit_start(self):\n"
        "        self.net.train()\n        self.validate()\n    def validate(self):\n"
        "        for x in self.val_loader:\n            y = self.net(x)\n",
    ],
)
def test_right_code_that_looks_wrong_is_left_alone(text: str) -> None:
    """Each of these was or would have been a false alarm."""
    assert lines_of("import torch\n" + text) == []
