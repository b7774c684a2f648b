"""Averaged copies are told by wrapper, or by name and structure, and compared with what they follow."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from evalcheck.graph import ModelGraph, read
from evalcheck.graph.state import averages
from evalcheck.graph.state.averages import Average
from evalcheck.graph.state.mixtures import mixtures


def part() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))


class Holder(nn.Module):
    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, value in parts.items():
            self.add_module(name, value)

    def forward(self, x: Tensor) -> Tensor:
        return next(self.children())(x)


def _read(**parts: nn.Module) -> ModelGraph:
    return read(Holder(**parts), None)


@pytest.mark.parametrize(
    ("online", "name"),
    [
        ("student", "teacher"),
        ("encoder_q", "encoder_k"),
        ("encoder", "momentum_encoder"),
        ("net", "net_ema"),
        ("backbone", "backbone_momentum"),
        ("q1", "target_q1"),
    ],
)
def test_names_of_copies(online: str, name: str) -> None:
    """The usual names, where the structure is the same."""
    assert averages.of(_read(**{online: part(), name: part()})) == [Average(name, online)]


def test_nearest_twin() -> None:
    """Of several with one structure the one that the copy is named after."""
    graph = _read(actor=part(), critic=part(), critic_target=part(), actor_target=part())
    assert averages.of(graph) == [Average("critic_target", "critic"), Average("actor_target", "actor")]


def test_others_are_no_copies() -> None:
    """Another structure, a list of equal blocks, a name without a twin, an average pooling."""
    assert averages.of(_read(student=part(), teacher=nn.Sequential(nn.Linear(4, 8)))) == []
    assert averages.of(_read(teacher=part())) == []
    assert averages.of(_read(pool=nn.AvgPool1d(2), avg_pool=nn.AvgPool1d(2))) == []
    assert averages.of(read(nn.ModuleList([part(), part()]), None)) == []


def test_wrapper() -> None:
    """At the root, without what it follows; inside a model, with it."""
    net = part()
    average = AveragedModel(net)
    average.update_parameters(net)
    assert averages.of(read(average, None)) == [Average("module", None, 1)]
    assert averages.of(_read(net=net, average=average)) == [Average("average.module", "net", 1)]


def test_distance_of_equal_parts_is_none() -> None:
    """Equal parameters are 0 apart, equal statistics too; both grow with what is changed."""
    one = part()
    graph = _read(student=one, teacher=copy.deepcopy(one))
    (average,) = averages.of(graph)
    assert averages.apart(graph, average) == 0.0
    ((view, twin),) = averages.norms(graph, average)
    assert twin is not None
    assert averages.shift(view, twin) == 0.0
    view.module.running_mean += 1.0
    # N(1, 1) against N(0, 1): half a nat each way.
    assert averages.shift(view, twin) == pytest.approx(1.0)


def test_random_target_follows_nobody() -> None:
    """Its statistics are at their start, and so they should be."""
    student = part()
    student(torch.randn(8, 4))
    graph = _read(student=student, target=part())
    (average,) = averages.of(graph)
    assert averages.left_at_start(graph, average) == []
    graph = _read(student=student, teacher=copy.deepcopy(student))
    graph.modules["teacher.1"].module.reset_running_stats()
    (average,) = averages.of(graph)
    assert [view.path for view in averages.left_at_start(graph, average)] == ["teacher.1"]


class Tables(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.register_buffer("mask", torch.tensor([0.0, 1.0, 1.0]))
        self.register_buffer("index", torch.arange(5))
        self.register_buffer("scale", torch.tensor([0.25, 0.5]))
        self.register_buffer("ones", torch.ones(3))
        self.register_buffer("num_batches_tracked", torch.tensor(3))


def test_mixtures() -> None:
    """A mask between 0 and 1, a table one too low, a count with a fraction; no plain differences."""
    online = Tables()
    mixed = copy.deepcopy(online)
    graph = _read(net=online, net_ema=mixed)
    (average,) = averages.of(graph)
    assert list(mixtures(graph, average)) == []
    mixed.mask *= 0.9
    mixed.scale *= 0.9
    mixed.ones *= 0.9
    mixed.index[3] -= 1
    mixed.num_batches_tracked = torch.tensor(2.7)
    found = {mixture.name: mixture.what for mixture in mixtures(graph, average)}
    assert set(found) == {"net_ema.mask", "net_ema.index", "net_ema.num_batches_tracked"}
    assert found["net_ema.index"] == "one too low in 1 of 5 entries"
    mixed.mask, mixed.num_batches_tracked = online.mask.clone(), torch.tensor(2)
    mixed.index = torch.arange(5) + 7
    assert list(mixtures(graph, average)) == []
