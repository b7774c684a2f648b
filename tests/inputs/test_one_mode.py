"""A model that runs in one mode only gets an input too, and that is marked."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from evalcheck.inputs import choose
from tests.inputs import nets


class Calibrated(nn.Module):
    """Its eval mode raises, before or after the layer that tells its width."""

    def __init__(self, early: bool) -> None:
        super().__init__()
        self.early, self.one, self.two = early, nn.Linear(9, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.early else self.one(x)
        if not self.training:
            raise ValueError("eval needs calibrate() first")
        return self.two(self.one(x) if self.early else x)


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("declared", [False, True])
def test_an_input_that_runs_in_train_mode_only_is_taken_and_marked(early: bool, declared: bool) -> None:
    """A model that refuses eval mode is what a check is for."""
    model = Calibrated(early)
    if declared:
        model.example_input_array = torch.randn(8, 9)  # type: ignore[assignment]
    choice = choose(model)
    assert choice.batch is not None
    assert choice.batch.args[0].shape == (8, 9)
    assert (choice.fails_in, choice.refusal) == ("eval", "ValueError: eval needs calibrate() first")
    assert choice.told.endswith("; the model runs on it in train mode only")
    assert choice.told.startswith("example_input_array;" if declared else "from the first layer one")


def test_a_size_that_the_layers_do_not_tell_is_found_in_train_mode_too() -> None:
    """What train mode says is followed up as what eval mode says is."""

    class Refusing(nets.LeNet):
        def forward(self, x: Tensor) -> Tensor:
            if not self.training:
                raise ValueError("no")
            return super().forward(x)

    choice = choose(Refusing())
    assert choice.batch is not None
    assert choice.batch.args[0].shape == (8, 3, 32, 32)
    assert choice.fails_in == "eval"


def test_whole_numbers_are_tried_in_the_mode_that_runs() -> None:
    """An index that is too large is found there."""

    class Refusing(nets.Offsets):
        def forward(self, x: Tensor) -> Tensor:
            if not self.training:
                raise ValueError("no")
            return super().forward(x)

    model = Refusing()
    choice = choose(model)
    assert choice.batch is not None
    choice.batch.run(model.train())


def test_an_input_that_runs_in_eval_mode_only_is_marked() -> None:
    """It is taken as any other."""

    class Served(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                raise ValueError("for serving only")
            return super().forward(x)

    choice = choose(Served(9, 2))
    assert choice.batch is not None
    assert choice.batch.args[0].shape == (8, 9)
    assert (choice.fails_in, choice.refusal) == ("train", "ValueError: for serving only")
    assert choose(nn.Linear(9, 2)).fails_in is None
