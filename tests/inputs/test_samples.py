"""A made-up batch is smaller where the model is slow, and that is said."""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor, nn

from evalcheck.inputs import choose, samples
from evalcheck.inputs.call import Call
from evalcheck.inputs.samples import afforded
from evalcheck.inputs.spec import Spec, floats

CALL = Call({"x": floats(8, 4)})


class Slow(nn.Module):
    """Takes so many seconds for each sample, in steps as a net of many layers does."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.layer, self.seconds, self.rows = nn.Linear(4, 2), seconds, 0

    def forward(self, x: Tensor) -> Tensor:
        for row in x:
            time.sleep(self.seconds)
            self.rows += len(row[:1])
        return self.layer(x)


@pytest.mark.parametrize(
    ("seconds", "count"), [(0.01, 8), (0.125, 8), (0.126, 4), (0.25, 4), (0.26, 2), (9.0, 2)]
)
def test_the_time_of_a_trial_decides_how_many_samples_there_are(seconds: float, count: int) -> None:
    """A second for the batch, and never one sample only. The model is not run again for it."""
    model = Slow(0)
    assert afforded(model, CALL, seconds, training=False).samples == count
    assert model.rows == 0


@pytest.mark.parametrize(("seconds", "count"), [(0.0, 8), (0.07, 4), (0.5, 2)])
def test_where_only_shapes_were_computed_two_samples_are_timed(
    monkeypatch: pytest.MonkeyPatch, seconds: float, count: int
) -> None:
    """And left when they are too slow: the batch has two then. Here half a second is what is afforded."""
    monkeypatch.setattr(samples, "SECONDS", 0.5)
    started = time.monotonic()
    assert afforded(Slow(seconds), CALL, None, training=False).samples == count
    assert time.monotonic() - started < 2


def test_the_note_tells_why_there_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user may give more."""
    monkeypatch.setattr(samples, "SECONDS", 0.1)
    choice = choose(Slow(0.05))
    assert choice.batch is not None
    assert choice.batch.size == 2
    assert choice.batch.args[0].shape == (2, 4)
    assert choice.told.endswith("; 2 samples only, because a forward of 8 takes over a second")


@pytest.mark.parametrize(("rows", "count"), [(1, 2), (3, 4), (4, 4), (5, 8), (8, 8), (11, 11)])
def test_rows_that_the_model_declares_stay(rows: int, count: int) -> None:
    """They are the user's."""
    spec = Spec((max(rows, 8), 4), sample=torch.randn(rows, 4))
    assert afforded(Slow(0), Call({"x": spec}), 9.0, training=False).samples == count


def test_a_model_that_two_samples_break_keeps_eight() -> None:
    """That it is slow was not seen."""

    class Paired(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.unflatten(0, (-1, 4)).mean(1))

    assert afforded(Paired(4, 2), CALL, None, training=False).samples == 8
