"""What overridden train() and eval() do when they are called, and that they are called under a guard."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evalcheck.graph import ModelGraph, read
from evalcheck.graph.state import overrides, own_flags


def _read(model: nn.Module) -> ModelGraph:
    return read(model, None)


def _found(model: nn.Module) -> list[tuple[str, str, str]]:
    return [(one.path, one.name, one.fault) for one in overrides.faulty(_read(model))]


class Inert(nn.Sequential):
    def train(self, mode: bool = True) -> Inert:
        return self


class Loop(nn.Sequential):
    ran = 0

    def train(self, loader: Any) -> None:  # type: ignore[override]
        Loop.ran += 1


class Silent(nn.Sequential):
    def train(self, mode: bool = True) -> None:  # type: ignore[override]
        super().train(mode)


class Sampling(nn.Dropout):
    """Monte Carlo dropout."""

    def train(self, mode: bool = True) -> Sampling:
        super().train(True)
        return self


class Engine(nn.Sequential):
    def train(self, trainer: Any = None, **options: Any) -> None:  # type: ignore[override]
        raise AssertionError("a training was started")

    def eval(self) -> Engine:
        for module in self.modules():
            module.training = False
        return self


def test_inert_method_leaves_modules_in_train_mode() -> None:
    """They are named, with the line of the method; what does not depend on the mode is not."""
    graph = _read(nn.Sequential(Inert(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))))
    (one,) = overrides.faulty(graph)
    assert one.left == ("0.1", "0.2")
    assert one.place.span is not None
    assert one.place.span.text == "def train(self, mode: bool = True) -> Inert:"
    assert overrides.strength(graph, one) == "grave"


def test_modules_belong_to_the_deepest_method() -> None:
    """An outer method is not blamed for what an inner one leaves."""
    assert _found(Inert(Inert(nn.Dropout(0.5)), nn.Dropout(0.5))) == [
        ("0", "train", "stuck"),
        ("", "train", "stuck"),
    ]
    outer = next(
        one for one in overrides.faulty(_read(Inert(Inert(nn.Dropout()), nn.Dropout()))) if not one.path
    )
    assert outer.left == ("1",)


def test_inert_method_around_eval_mode_is_a_pin() -> None:
    """What is in eval mode and cannot be woken is fine, however it was done."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)).eval()
    model.train = lambda mode=True: model  # type: ignore[method-assign]
    assert _found(nn.Sequential(model, nn.ReLU())) == []
    inert = Inert(nn.Dropout(0.5))
    inert[0].eval()
    assert _found(inert) == []


def test_replaced_method_that_leaves_train_mode() -> None:
    """The same function on an object in train mode is a fault."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    model.train = lambda mode=True: None  # type: ignore[method-assign]
    assert _found(model) == [("", "train", "stuck")]


@pytest.mark.parametrize("value", [True, 3, lambda: None])
def test_replaced_by_something_that_takes_no_mode(value: Any) -> None:
    """A flag called train hides the method."""
    model = nn.Sequential(nn.Dropout(0.5))
    vars(model)["train"] = value
    assert _found(nn.Sequential(model)) == [("0", "train", "signature")]


def test_training_loop_is_not_called() -> None:
    """A method with another parameter may start a training; an engine of a framework is left alone."""
    graph = _read(nn.Sequential(nn.Sequential()))
    # Read before the class is changed: reading calls train() of the model once.
    graph.modules["0"].module.__class__ = Loop
    assert [one.fault for one in overrides.faulty(graph)] == ["signature"]
    assert Loop.ran == 0
    graph.modules["0"].module.__class__ = Engine
    assert list(overrides.faulty(graph)) == []


def test_return_value_matters_at_the_root_only() -> None:
    """Parents do not look at it."""
    graph = _read(nn.Sequential(Silent(nn.ReLU())))
    (one,) = overrides.faulty(graph)
    assert (one.fault, one.detail, overrides.strength(graph, one)) == ("returns", "None", "slight")
    graph = _read(Silent(nn.ReLU()))
    (one,) = overrides.faulty(graph)
    assert overrides.strength(graph, one) == "usual"


def test_monte_carlo_dropout_is_milder() -> None:
    """A method that switches and leaves dropout on may mean it."""
    graph = _read(nn.Sequential(nn.Linear(2, 2), Sampling(0.5)))
    (one,) = overrides.faulty(graph)
    assert (one.fault, overrides.strength(graph, one)) == ("stuck", "slight")


def test_failure_is_reported_once() -> None:
    """An inner method that fails makes every outer one fail."""

    class Failing(nn.Sequential):
        def train(self, mode: bool = True) -> Failing:
            raise ValueError("no")

    class Outer(nn.Sequential):
        def train(self, mode: bool = True) -> Outer:
            super().train(mode)
            return self

    assert _found(Outer(Failing(nn.ReLU()))) == [("0", "train", "raises")]


def test_methods_of_torch_are_no_overrides() -> None:
    """Fused modules of quantisation, graph modules and exported programs have their own."""
    traced = torch.fx.symbolic_trace(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)))
    assert _found(traced) == []
    exported = torch.export.export(nn.Sequential(nn.Linear(2, 2)).eval(), (torch.randn(2, 2),)).module()
    assert _found(exported) == []


def test_modes_are_given_back() -> None:
    """Whatever the methods do is undone."""
    model = nn.Sequential(Silent(nn.Dropout(0.5)), nn.Dropout(0.5))
    model[0][0].eval()
    list(overrides.faulty(_read(model)))
    assert [m.training for m in model.modules()] == [True, True, False, True]


def test_own_flag() -> None:
    """Found where it decides something, and not where the class switches it or nobody asks it."""

    class Flagged(nn.Module):
        def __init__(self, is_training: bool) -> None:
            super().__init__()
            self.is_training = is_training
            self.train_mode = True

        def forward(self, x: Tensor) -> Tensor:
            return x + 1 if self.is_training else x

    class Switched(Flagged):
        def train(self, mode: bool = True) -> Switched:
            self.is_training = mode
            super().train(mode)
            return self

    model = nn.Sequential(Flagged(True), Flagged(False), Switched(True))
    found = list(own_flags.stuck(_read(model)))
    assert [(flag.path, flag.name) for flag in found] == [("0", "is_training")]
    assert found[0].read.text == "return x + 1 if self.is_training else x"
