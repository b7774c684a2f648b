"""What a module declares comes first, in eight samples, unless it is stale."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evalcheck.inputs import choose
from tests.inputs import nets


class Declaring(nn.Module):
    """A linear layer that any width fits in front of."""

    def __init__(self, **declared: Any) -> None:
        super().__init__()
        self.last = nn.Linear(6, 2)
        vars(self).update(declared)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x)


def shape_of(model: nn.Module) -> tuple[int, ...]:
    """Of the first argument that is made up."""
    batch = choose(model).batch
    assert batch is not None
    inputs = [*batch.args, *batch.kwargs.values()]
    return tuple(inputs[0].shape)


@pytest.mark.parametrize("name", ["example_input_array", "dummy_inputs"])
@pytest.mark.parametrize("form", [lambda t: t, lambda t: (t,), lambda t: {"x": t}])
def test_a_declared_tensor_is_enlarged(name: str, form: Any) -> None:
    """One sample has no statistics: the rest are drawn from its values."""
    model = Declaring(**{name: form(torch.randn(1, 3, 6))})
    assert shape_of(model) == (8, 3, 6)
    assert choose(model).told == name


def test_the_declared_rows_are_kept_and_the_rest_differ() -> None:
    """Repeated rows would have no variance."""
    declared = torch.randn(2, 6)
    batch = choose(Declaring(example_input_array=declared)).batch
    assert batch is not None
    assert torch.equal(batch.args[0][:2], declared)
    assert len(batch.args[0].unique(dim=0)) == 8


def test_eight_or_more_samples_stay() -> None:
    """They are the user's."""
    assert shape_of(Declaring(example_input_array=torch.randn(11, 6))) == (11, 6)


def test_a_batch_that_the_model_fixes_is_not_enlarged() -> None:
    """What is declared runs, eight samples do not."""

    class Fixed(Declaring):
        def forward(self, x: Tensor) -> Tensor:
            return self.last(x.reshape(2, 6))

    assert shape_of(Fixed(example_input_array=torch.randn(2, 6))) == (2, 6)


def test_example_inputs_is_called() -> None:
    """A function of the model's own, and one that raises is passed over."""
    assert shape_of(Declaring(example_inputs=lambda: torch.randn(4, 5, 6))) == (8, 5, 6)
    assert shape_of(Declaring(example_inputs=lambda: 1 / 0)) == (8, 6)


def test_a_stale_declaration_is_said_and_replaced() -> None:
    """The layers know better."""
    choice = choose(Declaring(example_input_array=torch.randn(1, 9)))
    assert choice.batch is not None
    assert choice.batch.args[0].shape == (8, 6)
    assert choice.told.endswith("what example_input_array declares does not fit the model")


def test_a_free_picture_is_smaller_than_declared_and_a_fixed_one_is_not() -> None:
    """As timm's configuration says."""
    free = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    free.pretrained_cfg = {"input_size": (3, 224, 224)}  # type: ignore[assignment]
    assert shape_of(free) == (8, 3, 128, 128)
    assert "smaller than declared" in choose(free).told
    free.pretrained_cfg = {"input_size": (3, 224, 224), "fixed_input_size": True}  # type: ignore[assignment]
    assert shape_of(free) == (8, 3, 224, 224)
    small = nets.LeNet()
    small.default_cfg = {"input_size": (3, 32, 32)}  # type: ignore[assignment]
    assert shape_of(small) == (8, 3, 32, 32)
