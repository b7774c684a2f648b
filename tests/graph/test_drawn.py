"""What eval mode drew, whether it reaches the output, and what people say of it."""

from __future__ import annotations

import random

import numpy
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evalcheck.finding import Finding, Measure
from evalcheck.graph import operations, read
from evalcheck.graph.stochastic import draws, free_draws, wording
from tests.graph.test_checks import asked

BATCH = torch.randn(4, 8)
RULES = (
    "functional-dropout-ungated",
    "dropout-forced-on",
    "attention-dropout-ungated",
    "random-op-ungated",
    "functional-never-active",
    "functional-batch-norm-training",
)


def found(model: nn.Module, batch: Tensor = BATCH) -> list[Finding]:
    """What all rules about draws say of a model."""
    return [finding for rule in RULES for finding in asked(model, batch, rule)[0]]


class Net(nn.Module):
    """One way of drawing in a forward: a method of its name."""

    def __init__(self, way: str, rate: float = 0.5) -> None:
        super().__init__()
        self.way, self.rate, self.fc = way, rate, nn.Linear(8, 8)
        self.flag = True

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.fc(getattr(self, self.way)(x))
        return made

    def ungated(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.rate)

    def by_a_flag(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.rate, training=self.flag)

    def literal(self, x: Tensor) -> Tensor:
        return torch.dropout(x, self.rate, True)

    def declared(self, x: Tensor) -> Tensor:
        # Monte Carlo: predictions are sampled
        return F.dropout(x, self.rate)

    def denied(self, x: Tensor) -> Tensor:
        # TODO: always on
        return F.dropout(x, self.rate)

    def gated(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.rate, self.training)

    def thrown_away(self, x: Tensor) -> Tensor:
        F.dropout(x, self.rate)
        return x

    def times_nothing(self, x: Tensor) -> Tensor:
        return x + F.dropout(x, self.rate) * self.training

    def thinned(self, x: Tensor) -> Tensor:
        return x * (torch.rand(len(x), 1) > self.rate).to(x.dtype) / self.rate

    def summed(self, x: Tensor) -> Tensor:
        return x + torch.empty_like(x).normal_(0, 0.1)

    def index(self, x: Tensor) -> Tensor:
        return x[:, torch.randperm(8)]

    def branch(self, x: Tensor) -> Tensor:
        return x * 2 if torch.rand(()).item() < self.rate else x

    def by_numpy(self, x: Tensor) -> Tensor:
        return x + float(numpy.random.normal())

    def by_python(self, x: Tensor) -> Tensor:
        return x * random.random()

    def by_a_distribution(self, x: Tensor) -> Tensor:
        return torch.distributions.Normal(x, 1.0).rsample()

    def seeded(self, x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return x + torch.randn(8)


class Idle(nn.BatchNorm1d):
    """Functions that are off unless they are told."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.rrelu(F.alpha_dropout(x, 0.2))
        x = F.batch_norm(x, x.mean(0).detach(), x.var(0).detach())
        return F.batch_norm(x, self.running_mean, self.running_var)


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("ungated", ["functional-dropout-ungated: error"]),
        ("by_a_flag", ["functional-dropout-ungated: warning"]),
        ("literal", ["dropout-forced-on: note"]),
        ("declared", []),
        ("denied", ["functional-dropout-ungated: error"]),
        ("gated", []),
        ("thrown_away", []),
        ("times_nothing", []),
        ("thinned", ["random-op-ungated: warning"]),
        ("summed", ["random-op-ungated: note"]),
        ("index", ["random-op-ungated: note"]),
        ("branch", ["random-op-ungated: note"]),
        ("by_numpy", ["random-op-ungated: note"]),
        ("by_python", ["random-op-ungated: note"]),
        ("by_a_distribution", []),
        ("seeded", []),
    ],
)
def test_each_way_of_drawing_has_its_rule(way: str, expected: list[str]) -> None:
    """By what was drawn, where it went and what is said beside it."""
    assert [f"{f.rule}: {f.severity}" for f in found(Net(way))] == expected


def test_rate_of_zero_is_no_noise() -> None:
    """Nothing is drawn."""
    assert found(Net("ungated", 0.0)) == []


def test_one_line_in_many_modules_is_one_finding() -> None:
    """The first module is named, the others are counted and are places of it."""
    (finding,) = found(nn.Sequential(*(Net("ungated") for _ in range(5))))
    assert "in '0' and 4 more modules" in finding.message
    assert [place.module for place in finding.sightings[0].places] == ["0", "1", "2", "3", "4"]
    assert finding.place.span is not None
    assert finding.place.span.text == "return F.dropout(x, self.rate)"


def test_module_in_train_mode_is_a_fault_of_modes() -> None:
    """A dropout that eval() does not reach is not reported a second time."""

    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kept = [nn.Dropout(0.5), Net("gated")]

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.kept[1](self.kept[0](x)) + nn.Dropout(0.5)(x)
            return made

    assert found(Holder()) == []


def test_what_the_caller_draws_is_the_callers() -> None:
    """A generator's input is drawn by whoever runs it."""
    graph = read(nn.Linear(8, 8), lambda m: m(torch.randn(4, 8)))
    assert list(free_draws.met(graph)) == []
    graph = read(nn.Bilinear(8, 8, 2), lambda m: m(torch.randn(4, 8), BATCH))
    assert list(free_draws.met(graph)) == []

    class Endless(nn.Module):
        def forward(self, count: int) -> Tensor:
            return torch.rand(count)

    graph = read(Endless(), lambda m: m(3))
    assert [kind for _, kind in free_draws.met(graph)] == ["other"]


def test_forward_that_stopped_is_a_gap() -> None:
    """What was not reached may draw."""

    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("no")

    for rule in RULES:
        findings, gaps = asked(Broken(), BATCH, rule)
        assert (findings, len(gaps)) == ((), 1), rule


def test_attention_is_found_in_every_spelling() -> None:
    """By keyword, by position, and behind nn.MultiheadAttention, which knows the mode."""

    class Attention(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = F.scaled_dot_product_attention(x, x, x, dropout_p=0.1)
            return F.scaled_dot_product_attention(x, x, x, None, 0.2)

    batch = torch.randn(2, 4, 8)
    (finding,) = found(Attention(), batch)
    assert finding.severity == "error"
    assert [s.evidence[-1].value for s in finding.sightings if isinstance(s.evidence[-1], Measure)] == [
        0.1,
        0.2,
    ]

    assert found(nn.TransformerEncoderLayer(8, 2, dropout=0.1, batch_first=True), batch) == []


def test_noise_is_followed_through_writes_and_thin_air() -> None:
    """A use that multiplies by zero, or whose result nobody wants, is none."""
    graph = read(Net("times_nothing"), lambda m: m(BATCH))
    assert graph.eval is not None
    assert graph.train is not None
    dropped = [
        [n.name for n in t.graph.nodes if operations.dropout(n, graph.modules) and n not in draws.silent(t)]
        for t in (graph.eval, graph.train)
    ]
    assert dropped == [[], ["dropout"]]


def test_kind_of_a_draw_is_what_it_is_used_for() -> None:
    """A mask, noise, or an index."""
    kinds = {}
    for way in ("thinned", "summed", "index", "branch"):
        kinds[way] = [kind for _, kind in free_draws.met(read(Net(way), lambda m: m(BATCH)))]
    assert kinds == {"thinned": ["mask"], "summed": ["noise"], "index": ["other"], "branch": ["branch"]}


def test_wording_of_a_call() -> None:
    """The call itself, the names around it, the comment above it; nothing of a neighbour."""
    graph = read(Net("declared"), lambda m: m(BATCH))
    assert graph.eval is not None
    (node,) = (n for n in graph.eval.graph.nodes if operations.dropout(n, graph.modules))
    said = wording.of(node.meta["span"])
    assert said.call is not None
    assert wording.called(said.call) == "dropout"
    assert wording.argument(said.call, 2, "training") is None
    assert {"Net", "declared", "F", "rate"} <= set(said.names)
    assert said.places == ("graph", "test_drawn")
    assert "Monte Carlo: predictions are sampled" in said.comments
    assert said.docstrings == ("One way of drawing in a forward: a method of its name.",)
    assert wording.of(None) is wording.NOTHING


def test_functions_that_are_off_in_training() -> None:
    """Without a word of the mode; a norm with statistics made for the call is no such norm."""

    names = [f.message.split()[0] for f in found(Idle(8)) if f.rule == "functional-never-active"]
    assert names == ["alpha_dropout"]


def test_batch_norm_on_data_in_eval_mode() -> None:
    """An error with statistics of the model's own, a warning with others; folded samples are neither."""

    class Norm(nn.BatchNorm2d):
        def __init__(self, way: str) -> None:
            super().__init__(4)
            self.way = way

        def forward(self, x: Tensor) -> Tensor:
            if self.way == "own":
                return F.batch_norm(x, self.running_mean, self.running_var, training=True)
            mean, var = torch.zeros(4), torch.ones(4)
            if self.way == "passing":
                return F.batch_norm(x, mean, var, training=True)
            flat = x.reshape(1, -1, *x.shape[2:])
            return F.batch_norm(flat, mean.repeat(len(x)), var.repeat(len(x)), training=True).reshape(x.shape)

    batch = torch.randn(3, 4, 5, 5)
    severities = {way: [f.severity for f in found(Norm(way), batch)] for way in ("own", "passing", "folded")}
    assert severities == {"own": ["error"], "passing": ["warning"], "folded": []}
