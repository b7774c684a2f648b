"""Noise that eval mode does not switch off: what is found, what is left alone, and what fixes make of it."""

from __future__ import annotations

import pytest

from evalcheck import checks, rulebook
from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.triggers import Triggers

HEAD = """\
import random
import torch
import torch.nn.functional as F
from torch import nn

"""


def sightings(rule: str, body: str) -> list[Sighting]:
    """What a rule sees in a file, with the imports above it, if its page lets it read the file at all."""
    text = HEAD + body
    if not Triggers({rule: rulebook.find(rule).reads}).concerned(text.encode()):
        return []
    check = checks.find("source", rule)
    return list(check(SourceFile.from_text(text, "net.py"), dict(rulebook.find(rule).options)))


def in_forward(rule: str, *lines: str, init: str = "pass") -> list[Sighting]:
    """What a rule sees in the forward of a module."""
    code = "\n".join(f"        {line}" for line in lines)
    return sightings(
        rule,
        f"class Net(nn.Module):\n    def __init__(self, p):\n        super().__init__()\n        {init}\n\n"
        f"    def forward(self, q, k, v, mask=None, flag=False):\n{code}\n",
    )


SDPA = "F.scaled_dot_product_attention"


@pytest.mark.parametrize(
    "line",
    [
        f"return {SDPA}(q, k, v, dropout_p=self.p)",
        f"return {SDPA}(q, k, v, mask, self.drop.p)",
        f"return {SDPA}(q, k, v, None if flag else mask.to(q.dtype), self.p, False)",
        f"return {SDPA}(\n            q, k, v,\n            dropout_p = self.cfg.p\n        )",
        f"return {SDPA}(q, k, v, dropout_p=.1)",
        f"return {SDPA}(q, k, v, dropout_p=self.p) if flag else q",
        "return torch.nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=self.p)",
        "return self.flash_attn_func(q, k, v, self.dropout)",
        "return xformers.ops.memory_efficient_attention(q, k, v, p=self.p)",
        "return attention_interface(self, q, k, v, mask, dropout=self.p)[0]",
    ],
)
def test_attention_with_a_raw_rate_is_an_error(line: str) -> None:
    """Whatever the spelling."""
    assert [s.strength for s in in_forward("attention-dropout-ungated", line)] == ["usual"]


@pytest.mark.parametrize(
    "lines",
    [
        (f"return {SDPA}(q, k, v, dropout_p=self.p if self.training else 0.0)",),
        (f"return {SDPA}(q, k, v, mask, self.p * self.training)",),
        (f"return {SDPA}(q, k, v, dropout_p=0.0)",),
        (f"return {SDPA}(q, k, v, dropout_p=0)",),
        ("p = self.p", "if not self.training:", "    p = 0.0", f"return {SDPA}(q, k, v, dropout_p=p)"),
        ("if not self.training:", "    return q", f"return {SDPA}(q, k, v, dropout_p=self.p)"),
        ("rate = self.rate()", f"return {SDPA}(q, k, v, dropout_p=rate)"),
        ("kwargs = dict(dropout_p=self.p)", f"return {SDPA}(q, k, v, **kwargs)"),
        ("assert not self.training", f"return {SDPA}(q, k, v, dropout_p=self.p)"),
        ("# Monte Carlo: noisy on purpose", f"return {SDPA}(q, k, v, dropout_p=self.p)"),
    ],
)
def test_attention_that_is_gated_is_left_alone(lines: tuple[str, ...]) -> None:
    """By the rate, by a local name, by a guard, or on purpose."""
    assert in_forward("attention-dropout-ungated", *lines) == []


def test_attention_rates_that_are_zero_or_switched_are_left_alone() -> None:
    """An attribute that is always zero, and one that another method sets by the mode."""
    line = f"return {SDPA}(q, k, v, dropout_p=self.p)"
    assert in_forward("attention-dropout-ungated", line, init="self.p = 0.0") == []
    assert in_forward("attention-dropout-ungated", line, init="self.p = p")
    switched = (
        "class Net(nn.Module):\n"
        "    def prepare(self):\n        self.p = 0.1 if self.training else 0.0\n\n"
        f"    def forward(self, q, k, v):\n        {line}\n"
    )
    assert sightings("attention-dropout-ungated", switched) == []


def test_attention_in_a_helper_that_only_training_calls_is_left_alone() -> None:
    """The guard stands at the call."""
    body = (
        "class Net(nn.Module):\n"
        "    def forward(self, q):\n        return self.noisy(q) if self.training else q\n\n"
        f"    def noisy(self, q):\n        return {SDPA}(q, q, q, dropout_p=self.p)\n"
    )
    assert sightings("attention-dropout-ungated", body) == []


def test_a_dropout_that_is_built_in_forward_is_found_and_given_the_mode() -> None:
    """By an edit that is not called safe."""
    (seen,) = in_forward("functional-dropout-ungated", "return nn.Dropout(self.p)(q)")
    assert seen.fix is not None
    assert not seen.fix.safe
    assert [edit.text for edit in seen.fix.edits] == [".train(self.training)"]
    assert in_forward("functional-dropout-ungated", "drop = nn.Dropout(0.0)", "return drop(q)") == []
    assert (
        in_forward(
            "functional-dropout-ungated", "if self.training:", "    q = nn.Dropout(0.5)(q)", "return q"
        )
        == []
    )
    kept = "drop = nn.Dropout(self.p)", "drop.eval()", "return drop(q)"
    assert in_forward("functional-dropout-ungated", *kept) == []


def test_a_factory_may_build_a_dropout() -> None:
    """It is kept by whoever asks for it."""
    body = (
        "def head(width, p):\n    drop = nn.Dropout(p)\n    return nn.Sequential(drop, nn.Linear(width, 2))\n"
    )
    assert sightings("functional-dropout-ungated", body) == []


@pytest.mark.parametrize("name", ["train_step", "add_noise", "augment"])
def test_helpers_of_training_are_left_alone(name: str) -> None:
    """Their names say that evaluation does not call them, or that noise is their work."""
    assert sightings("functional-dropout-ungated", f"def {name}(x):\n    return F.dropout(x)\n") == []


def test_a_hook_that_drops_at_a_rate_of_its_own_is_left_alone() -> None:
    """Dropping may be what it is there for."""
    body = "class Skip:\n    def __call__(self, x):\n        return F.dropout(x, p=self.p)\n"
    assert sightings("functional-dropout-ungated", body) == []
    raw = body.replace("self.p", "0.1")
    assert [s.strength for s in sightings("functional-dropout-ungated", raw)] == ["slight"]


@pytest.mark.parametrize("name", ["cond_drop_prob", "class_dropout", "text_drop_rate"])
def test_conditions_that_a_generator_learns_to_do_without_are_left_alone(name: str) -> None:
    """Whoever samples from the model passes conditions of its own."""
    assert in_forward("random-op-ungated", f"return q * (torch.rand(len(q)) > self.{name})") == []


def test_a_template_method_of_another_class_is_reached() -> None:
    """The forward of the base runs what the child defines."""
    body = (
        "class Base(nn.Module):\n    def forward(self, x):\n        return self.encode(x)\n\n"
        "class Net(Base):\n    def encode(self, x):\n        return F.dropout(x)\n"
    )
    assert [s.strength for s in sightings("functional-dropout-ungated", body)] == ["usual"]


@pytest.mark.parametrize(
    ("lines", "strength"),
    [
        (("return q * q.new_empty(q.shape).bernoulli_(1 - self.dropout)",), "usual"),
        (("keep = 1 - self.drop_prob", "return q * torch.bernoulli(torch.full(q.shape, keep))"), "usual"),
        (
            ("keep = 1 - self.drop_prob", "noise = keep + torch.rand(q.shape)", "return q * noise.floor_()"),
            "",
        ),
        (("mask = torch.rand(q.shape) < self.keep_prob", "return q * mask"), "usual"),
        (("if random.random() < self.layerdrop:", "    return q", "return k"), "usual"),
        (("return F.gumbel_softmax(q)",), "usual"),
        (("if random.random() < self.rate:", "    return q", "return k"), "slight"),
        (("return F.gumbel_softmax(q) if self.training else q.softmax(-1)",), ""),
        (("if self.training and random.random() < self.layerdrop:", "    return q", "return k"), ""),
        (("if random.random() < self.layerdrop and self.training:", "    return q", "return k"), ""),
        (("if not self.training:", "    return q", "return q * torch.bernoulli(q * self.keep)"), ""),
        (("keep = 1 - self.drop if self.training else 1", "return q * q.clone().bernoulli_(keep)"), ""),
        (("return torch.multinomial(q.softmax(-1), 1)",), ""),
        (("return q + torch.randn_like(q) * k.exp()",), ""),
        (("return q[torch.randperm(len(q))]",), ""),
        (("return torch.bernoulli(q)",), ""),
    ],
)
def test_draws_in_a_forward(lines: tuple[str, ...], strength: str) -> None:
    """Only those of which the purpose can be told, and milder where it is guessed."""
    assert [s.strength for s in in_forward("random-op-ungated", *lines)] == ([strength] if strength else [])


def test_functions_that_never_work_are_found_where_a_forward_runs_them() -> None:
    """And left alone where a branch of evaluation, a name or the caller's statistics explain it."""
    rule = "functional-never-active"
    assert in_forward(rule, "return F.alpha_dropout(q, 0.1)")
    assert in_forward(rule, "return F.batch_norm(q, self.mean, self.var)", init="self.mean = p")
    assert in_forward(rule, "return F.batch_norm(q, k, v)") == []
    moved = "self.mean.lerp_(q.mean(0), 0.1)", "return F.batch_norm(q, self.mean, self.var)"
    assert in_forward(rule, *moved) == []
    assert in_forward(rule, "return F.batch_norm(q, self.mean, self.var, None, None, True)") == []


@pytest.mark.parametrize(
    ("layers", "strengths"),
    [
        ("nn.Linear(4, 4), nn.ReLU(), nn.Dropout1d(0.1)", ["usual"]),
        ("nn.Linear(4, 4), nn.Dropout2d(0.1)", ["slight"]),
        ("nn.Embedding(4, 4), nn.Dropout2d(0.1)", ["usual"]),
        ("nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.Dropout3d(0.1)", ["usual"]),
        ("nn.Conv2d(4, 4, 3), nn.Dropout2d(0.1), nn.Flatten(), nn.Linear(4, 4)", []),
        ("nn.Conv1d(4, 4, 3), nn.Dropout2d(0.1)", []),
        ("nn.Linear(4, 4), Rearrange('b t c -> b c t'), nn.Dropout1d(0.1)", []),
        ("nn.Linear(4, 4), nn.Dropout1d(0.0)", []),
    ],
)
def test_dropouts_in_a_written_sequence(layers: str, strengths: list[str]) -> None:
    """What stands before them tells the shape, or nothing does."""
    seen = sightings("dropout-shape-mismatch", f"net = nn.Sequential({layers})\n")
    assert [s.strength for s in seen] == strengths
