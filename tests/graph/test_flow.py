"""Which dropouts reach which batch norms, and through what."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evalcheck.graph import ModelGraph, read
from evalcheck.graph.flows import noise
from tests.graph.models import WeightStandardised


class Net(nn.Module):
    """A dropout, something in between, a batch norm."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.drop = nn.Dropout(0.5)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.group = nn.GroupNorm(2, 4)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        match self.way:
            case "direct":
                x = self.drop(x)
            case "functional":
                x = F.dropout(x, training=self.training)
            case "weighted":
                x = F.relu(self.conv(self.drop(x)))
            case "residual":
                x = x + self.drop(self.conv(x))
            case "concatenated":
                x = self.conv(torch.cat([x[:, :2], self.drop(x)[:, 2:]], 1))
            case "reshaped":
                x = self.drop(x).flatten(2).permute(0, 2, 1).transpose(1, 2).view_as(x)
            case "pooled":
                x = F.avg_pool2d(self.drop(x), 2)
            case "written":
                x = x.clone()
                x[:, 1:] = self.drop(x)[:, 1:]
            case "normalised between":
                x = self.group(self.drop(x))
            case "softmax between":
                x = self.drop(x).softmax(1)
            case "shape lent":
                x = self.group(noisy := self.drop(x)).reshape_as(noisy)
            case "other branch":
                self.drop(x)
            case "after":
                return self.drop(self.norm(x))
            case "drop path":
                x = x * torch.bernoulli(torch.full((len(x), 1, 1, 1), 0.5))
        return self.norm(x)


def graph_of(way: str) -> ModelGraph:
    return read(Net(way), lambda m: m(torch.randn(4, 4, 8, 8)))


@pytest.mark.parametrize(
    ("way", "steps", "merges"),
    [
        ("direct", [], 0),
        ("functional", [], 0),
        ("weighted", ["conv2d", "relu"], 0),
        ("residual", ["add"], 1),
        ("concatenated", ["getitem", "cat", "conv2d"], 1),
        ("reshaped", ["flatten", "permute", "transpose", "view_as"], 0),
        ("pooled", ["avg_pool2d"], 1),
        ("written", ["getitem", "setitem"], 1),
    ],
)
def test_noise_reaches_the_norm(way: str, steps: list[str], merges: int) -> None:
    """Through weights, elementwise functions, sums, concatenations, views, pooling and writes."""
    (path,) = graph_of(way).flow
    assert path.norm_path == "norm"
    assert path.p == 0.5
    assert [step.target.__name__.strip("_") for step in path.steps] == steps
    assert path.merges == (0 if way == "written" else merges)


@pytest.mark.parametrize(
    "way", ["normalised between", "softmax between", "shape lent", "other branch", "after", "drop path"]
)
def test_noise_does_not_reach_the_norm(way: str) -> None:
    """Another normalisation, another branch, or no dropout at all."""
    assert graph_of(way).flow == ()


def test_nearest_dropout_is_taken() -> None:
    """Of two on the way only the last before the norm is named."""
    model = nn.Sequential(
        nn.Dropout(0.5), nn.Linear(4, 4), nn.Dropout(0.2), nn.Linear(4, 4), nn.BatchNorm1d(4)
    )
    (path,) = read(model, lambda m: m(torch.randn(8, 4))).flow
    assert path.dropout.meta["module"] == "2"


def test_inactive_dropout_and_frozen_norm_are_passed_by() -> None:
    """Rate 0, a dropout left in eval mode, a norm that uses its running statistics in train mode."""
    batch = torch.randn(8, 4)
    assert read(nn.Sequential(nn.Dropout(0.0), nn.BatchNorm1d(4)), lambda m: m(batch)).flow == ()

    class Kept(nn.Sequential):
        def train(self, mode: bool = True) -> Kept:
            super().train(mode)
            self[1].eval()
            return self

    assert read(Kept(nn.Dropout(0.5), nn.BatchNorm1d(4)), lambda m: m(batch)).flow == ()
    assert read(Kept(nn.Linear(4, 4), nn.Dropout(0.5), nn.BatchNorm1d(4)), lambda m: m(batch)).flow == ()
    (path,) = read(Kept(nn.Dropout(0.5), nn.BatchNorm1d(4), nn.BatchNorm1d(4)), lambda m: m(batch)).flow
    assert path.norm_path == "2"


def test_noise_that_is_mixed_is_diluted() -> None:
    """A sum halves it, a concatenation keeps the noisiest channels until weights mix them."""
    ratios = {way: graph_of(way).flow[0].ratio for way in ("direct", "weighted", "residual", "concatenated")}
    assert ratios == {"direct": 2.0, "weighted": 2.0, "residual": 1.5, "concatenated": 1.5}


def test_dropouts_add_up() -> None:
    """Two in a row: the nearer is named, the ratio is of both."""
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 4), nn.Dropout(0.2), nn.BatchNorm1d(4))
    (path,) = read(model, lambda m: m(torch.randn(8, 4))).flow
    assert (path.p, path.ratio) == (0.2, 2.5)


def test_dropout_that_eval_mode_keeps_on_makes_no_difference() -> None:
    """Its noise is in both modes: that is another fault."""

    class Always(nn.Module):
        def __init__(self, *layers: nn.Module) -> None:
            super().__init__()
            self.layers = nn.Sequential(*layers)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.layers(F.dropout(x, 0.5))
            return made

    batch = torch.randn(8, 4)
    assert read(Always(nn.Linear(4, 4), nn.BatchNorm1d(4)), lambda m: m(batch)).flow == ()
    (path,) = read(Always(nn.Dropout(0.2), nn.BatchNorm1d(4)), lambda m: m(batch)).flow
    assert (path.p, path.ratio) == (0.2, 1.25)


def test_residual_stream_is_one_hypothesis() -> None:
    """Each block's dropout reaches the norms of all blocks behind it."""

    class Stream(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norms = nn.ModuleList(nn.BatchNorm1d(4) for _ in range(10))
            self.drops = nn.ModuleList(nn.Dropout(0.2) for _ in range(10))

        def forward(self, x: Tensor) -> Tensor:
            for norm, drop in zip(self.norms, self.drops, strict=True):
                x = x + drop(norm(x))
            return x

    graph = read(Stream(), lambda m: m(torch.randn(8, 4)))
    (group,) = noise.grouped(graph, graph.flow)
    assert len(group.paths) == 9
    assert all(path.merges for path in group.paths)


def test_batch_norm_of_a_weight_is_no_norm_of_the_data() -> None:
    """Weight standardisation normalises what no dropout has touched."""
    assert read(WeightStandardised(), lambda m: m(torch.randn(2, 4, 5, 5))).flow == ()


def test_symbolic_trace_shows_the_flow_too() -> None:
    """Without a batch the modules alone tell."""
    model = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(4, 4, 1), nn.ReLU(), nn.BatchNorm2d(4))
    (path,) = read(model, None).flow
    assert (path.dropout.target, path.norm_path, len(path.steps)) == ("0", "3", 2)
