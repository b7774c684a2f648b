"""Modes as given and after the model's own methods, and what a mode changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from evalcheck.graph import read
from evalcheck.graph.state import modes, splits
from evalcheck.graph.state.effects import effect


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x) if self.training else x


class DropPath(nn.Module):
    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.drop_prob = drop_prob
        self.inner = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x * 0 if self.training and torch.rand(()) < self.drop_prob else self.inner(x)


class Keeper(nn.Sequential):
    def train(self, mode: bool = True) -> Keeper:
        super().train(mode)
        self[1].eval()
        return self


class Refuser(nn.Linear):
    def train(self, mode: bool = True) -> Refuser:
        raise RuntimeError("not me")


def wrapped() -> nn.Sequential:
    return nn.Sequential(Keeper(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)), nn.Dropout(0.1))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.BatchNorm1d(4), "normalises by the batch"),
        (nn.BatchNorm1d(4, track_running_stats=False), None),
        (nn.InstanceNorm1d(4), None),
        (nn.InstanceNorm1d(4, track_running_stats=True), "normalises by the sample"),
        (nn.Dropout(0.1), "drops values"),
        (nn.Dropout(0.0), None),
        (nn.LayerNorm(4), None),
        (nn.LSTM(4, 4, dropout=0.0), None),
        (nn.GRU(4, 4, num_layers=2, dropout=0.5), "drops values"),
        (nn.MultiheadAttention(4, 2), None),
        (nn.MultiheadAttention(4, 2, dropout=0.1), "drops values"),
        (nn.RReLU(), "draws slopes"),
        (nn.TransformerEncoderLayer(4, 2), None),
        (Noise(), "reads self.training"),
        (DropPath(0.2), "drops values"),
        (DropPath(0.0), None),
        (nn.Linear(4, 4), None),
    ],
)
def test_effect(module: nn.Module, expected: str | None) -> None:
    """Only what train mode really changes, at the rates that are set."""
    assert effect(module) == expected


def test_modes_as_given_outlast_the_runs() -> None:
    """They are taken before anything is run, and a run leaves the modules alone."""
    model = wrapped()
    model[1].eval()
    graph = read(model, lambda m: m(torch.randn(8, 4)))
    state = modes.of(graph)
    assert [path for path, training in state.given.items() if not training] == ["1"]
    assert not model[1].training
    assert model[0][1].training


def test_own_methods_are_asked() -> None:
    """A norm that an override keeps in eval mode is in eval mode after train()."""
    state = modes.of(read(wrapped(), None))
    assert state.train is not None
    assert state.eval is not None
    assert [path for path, training in state.train.items() if not training] == ["0.1"]
    assert not any(state.eval.values())


def test_failing_methods_are_told() -> None:
    """The modes after a method that fails are unknown, and the model is as it was."""
    model = nn.Sequential(nn.Dropout(), Refuser(2, 2)).requires_grad_(False)
    state = modes.of(read(model, None))
    assert state.train is None
    assert state.eval is None
    assert all(module.training for module in model.modules())


def test_a_norm_that_holds_its_activation_is_pinned() -> None:
    """A class with children is a layer if it is a norm."""

    class NormAct(nn.BatchNorm1d):
        def __init__(self, width: int) -> None:
            super().__init__(width)
            self.act = nn.ReLU()

    model = nn.Sequential(nn.Linear(4, 4), NormAct(4), nn.Linear(4, 2))
    model[1].eval()
    assert [view.path for view in splits.pinned(read(model, None))] == ["1"]


def test_what_train_mode_does_not_run_is_not_pinned() -> None:
    """A frozen layer that no forward in train mode calls cannot wake."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4).eval()

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x) if self.training else self.norm(self.fc(x))

    assert splits.pinned(read(Net(), lambda m: m(torch.randn(8, 4)))) == []


def test_a_part_that_learns_is_not_pinned() -> None:
    """Loaders give eval mode; a user trains such a part and means it."""
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)).eval(), nn.Linear(4, 2))
    graph = read(model, lambda m: m(torch.randn(8, 4)))
    assert splits.pinned(graph) == []
    assert splits.of(graph) == splits.Splits([], [], [])
