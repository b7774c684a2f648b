"""What a model does in one mode only, and settings that its forwards write."""

from __future__ import annotations

import random

import numpy
import torch
from torch import Tensor, nn

from evalcheck.graph import read, settings_written
from evalcheck.graph.difference.one_mode import between
from tests.graph.test_checks import asked

BATCH = torch.randn(6, 4)


class Skipped(nn.Module):
    """A block that training skips by chance, drawn from one generator or another."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.block, self.only = way, nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        number = 3.0
        if self.way == "torch":
            number = float(torch.rand(()))
        elif self.way == "python":
            number = random.random()
        elif self.way == "numpy":
            number = float(numpy.random.uniform())
        if self.training and number < 2.0:
            return x
        made: Tensor = self.only(x) if self.way == "never" and not self.training else self.block(x)
        return made


def test_what_chance_may_have_skipped_is_not_named() -> None:
    """Two forwards in train mode that both skip a block prove nothing."""
    for way in ("torch", "python", "numpy"):
        assert between(read(Skipped(way), lambda m: m(BATCH))) is None, way


def test_what_one_mode_alone_runs_is_named_with_its_line() -> None:
    """In both directions."""
    (finding,), _ = asked(Skipped("never"), BATCH, "mode-dependent-structure")
    assert finding.severity == "note"
    assert finding.message.startswith("Train mode alone runs 'block'; eval mode alone runs 'only'.")
    assert [place.module for place in finding.sightings[0].places] == ["block", "only"]


class Writing(nn.Module):
    """Writes a norm's settings in a forward, for good or for a while."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.norm = way, nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        saved = self.norm.momentum
        if self.way == "put back":
            self.norm.momentum = 0.0
        elif self.way == "for good":
            self.norm.momentum = 0.1 if self.training else 0.0
        elif self.way == "the same":
            self.norm.momentum = 0.1
        elif self.way == "statistics in training" and self.training:
            self.norm.running_mean = x.mean(0).detach()
        y: Tensor = self.norm(x)
        if self.way == "put back":
            self.norm.momentum = saved
        return y


def test_only_what_stays_written_counts() -> None:
    """Not a setting that is put back or not changed, not statistics that training moves."""
    lasting = {}
    for way in ("put back", "for good", "the same", "statistics in training"):
        graph = read(Writing(way), lambda m: m(BATCH))
        lasting[way] = [
            (w.attribute, w.in_train, w.in_eval) for w in settings_written.lasting(graph.writes, graph.model)
        ]
    assert lasting == {
        "put back": [],
        "for good": [("momentum", "0.1", "0.0")],
        "the same": [],
        "statistics in training": [],
    }


def test_line_that_writes_is_the_place() -> None:
    """With the norm, and what both modes write."""
    (finding,), _ = asked(Writing("for good"), BATCH, "batchnorm-momentum-mutated")
    assert finding.place.module == "norm"
    assert finding.place.span is not None
    assert finding.place.span.text == "self.norm.momentum = 0.1 if self.training else 0.0"
    assert "to 0.1 in train mode and 0.0 in eval mode" in finding.message


def test_few_values_per_channel_are_counted_on_a_real_batch() -> None:
    """A made-up input says nothing of the batches that train."""
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    (finding,), gaps = asked(model, BATCH, "few-samples-per-channel")
    assert (finding.severity, gaps) == ("note", [])
    assert "only 6 values per channel" in finding.message
    assert "63%" in finding.message
    findings, (gap,) = asked(model, BATCH, "few-samples-per-channel", synthetic=True)
    assert findings == ()
    assert "made up" in gap.reason
