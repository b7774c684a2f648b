"""The loader layer as a run asks it: both loaders, with the norms of the traced model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import evalcheck
from evalcheck import checkup, graph
from evalcheck.checks.loader import last_batch_too_small
from evalcheck.checkup import material
from evalcheck.checkup.loaders import reached, views
from evalcheck.finding import Unanswerable


def head() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def pooled() -> nn.Module:
    stem = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(*stem, nn.BatchNorm1d(4), nn.Linear(4, 2))


def convolutional() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())


MODELS = {"head": (head, (6,)), "pooled": (pooled, (3, 8, 8)), "convolutional": (convolutional, (3, 8, 8))}


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(MODELS)),
    size=st.integers(2, 40),
    batch=st.integers(2, 12),
    drop_last=st.booleans(),
)
def test_an_error_is_said_exactly_where_torch_raises(
    name: str, size: int, batch: int, drop_last: bool
) -> None:
    """A pass in train mode over the loader fails at its last batch, or does not."""
    build, shape = MODELS[name]
    model = build()
    loader = DataLoader(TensorDataset(torch.randn(size, *shape)), batch, drop_last=drop_last)
    few = min(2, batch)
    view = views(loader, loader, graph.read(model, lambda m: m(torch.randn(few, *shape))), few)[1]
    graves = [s for s in last_batch_too_small.check(view, {"values": 8}) if s.strength == "grave"]
    raised = False
    model.train()
    for (inputs,) in loader:
        try:
            model(inputs)
        except ValueError:
            raised = True
    assert bool(graves) == raised


def test_only_norms_that_take_statistics_from_the_batch_are_reached() -> None:
    """Frozen ones, other norms, those of a table that is no batch, and what is never called are left out."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.randn(7, 6))
            self.used = nn.BatchNorm1d(6)
            self.frozen, self.idle = nn.BatchNorm1d(6), nn.BatchNorm1d(6)
            self.prototypes, self.layer = nn.BatchNorm1d(6), nn.LayerNorm(6)

        def train(self, mode: bool = True) -> Any:
            super().train(mode)
            self.frozen.eval()
            return self

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(self.frozen(self.used(x))) @ self.prototypes(self.table).T

    norms = reached(graph.read(Model(), lambda m: m(torch.randn(4, 6))), 4)
    assert norms is not None
    assert [(norm.path, norm.values, norm.flat) for norm in norms] == [("used", 1, True)]
    assert norms[0].place.span is not None


def test_without_a_trace_nothing_is_said_of_norms() -> None:
    """The rules leave gaps: silence is not a pass."""
    assert reached(graph.read(head(), None), 4) is None
    view = views([], DataLoader(list(range(5)), 4), graph.read(head(), None), 4)[1]
    with pytest.raises(Unanswerable, match="could not be traced"):
        list(last_batch_too_small.check(view, {"values": 8}))


def test_both_loaders_are_asked() -> None:
    """Findings of both roles are in one report, and the loaders are as they were."""
    torch.manual_seed(0)
    model = head()
    train = DataLoader(TensorDataset(torch.randn(129, 6), torch.arange(129) // 33), 32)
    held = DataLoader(TensorDataset(9 * torch.randn(50, 6) + 40, torch.arange(50) % 2), 16, drop_last=True)
    before = torch.get_rng_state()
    stages: list[str] = []
    report = checkup.check(model, held, train, progress=lambda stage, done, whole: stages.append(stage))
    assert torch.equal(torch.get_rng_state(), before)
    rules = {finding.rule: finding.severity for finding in report.findings}
    assert rules["last-batch-too-small"] == "error"
    assert rules["eval-loader-drops-or-shuffles"] == rules["train-not-shuffled"] == "warning"
    assert rules["preprocessing-mismatch"] == "warning"
    assert stages.index("reading the loader") < stages.index("reading the training loader")
    assert report.faults == ()


def test_without_a_training_loader_its_rules_are_gaps() -> None:
    """Each says why."""
    report = evalcheck.check(head(), DataLoader(TensorDataset(torch.randn(64, 6)), 16))
    reasons = {gap.rule: gap.reason for gap in report.gaps if gap.layer == "loader"}
    assert reasons["train-not-shuffled"] == reasons["preprocessing-mismatch"]
    assert reasons["train-not-shuffled"] == "a training loader was not given"


def test_what_stands_first_in_a_batch_may_not_be_its_samples() -> None:
    """Nodes of graphs, steps of time: more than the loader puts together, so that nothing is said."""
    loader = DataLoader(TensorDataset(torch.randn(97, 6)), 8)
    traced = graph.read(head(), lambda m: m(torch.randn(60, 6)))
    assert views(loader, loader, traced, 60)[1].norms is None
    assert views(loader, loader, traced, 8)[1].norms == []


def test_single_samples_are_put_together_where_no_training_loader_says_how_many() -> None:
    """No norm trains on batches of one: judging train mode by them would blame every model."""
    singles = [(torch.randn(1, 4), torch.tensor([index % 2])) for index in range(64)]
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    drawn = material.gather(model, singles, None, place=torch.device("cpu"))
    assert drawn.held is not None
    assert drawn.held.batch_size == 32
    assert any("single samples" in note for note in drawn.notes)
    assert material.gather(model, singles, singles, place=torch.device("cpu")).held.batch_size == 1
