"""Trials compute nothing on the meta device, and say what they saw."""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor, nn

from evalcheck.inputs import complaints, sizes
from evalcheck.inputs.call import Call
from evalcheck.inputs.outcome import Odd, Outcome, TooSlow
from evalcheck.inputs.search import Search
from evalcheck.inputs.spec import floats, ids
from evalcheck.inputs.trial import attempt
from tests.inputs import nets


def test_a_call_of_any_size_costs_no_memory() -> None:
    """This one would take 200 GB."""
    outcome = attempt(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), Call({"x": floats(8, 3, 40_000, 40_000)}))
    assert outcome.ok


def test_what_the_input_did_not_touch_is_real() -> None:
    """Tables may be looked at while the input has no values."""

    class Tabled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rates = torch.linspace(0, 1, 3)
            self.last = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            if self.rates[-1].item() > 0.5 and torch.arange(x.shape[1], device=x.device).sum() == 6:
                return self.last(x) * self.rates.sum()
            raise ValueError

    assert attempt(Tabled(), Call({"x": floats(8, 4)})).ok


def test_values_that_are_missing_are_not_the_models_fault() -> None:
    """It is tried for real then."""
    call = Call({"x": floats(8, 9)})
    assert not attempt(nets.Deciding(), call).able
    assert attempt(nets.Deciding(), call, real=True).ok


@pytest.mark.parametrize("real", [False, True])
def test_norms_hits_and_rows_are_noted(real: bool) -> None:
    """Which layer an input reaches, and how many values each channel of a norm has."""
    outcome = attempt(nets.halving(2), Call({"x": floats(8, 3, 16, 16)}), real=real)
    assert outcome.norms == [8 * 64, 8 * 16]
    assert outcome.hits["x"].path == "0"
    words = attempt(nn.Sequential(nn.Embedding(30, 4)), Call({"x": ids(8, 5, below=3)}), real=real)
    assert words.rows == {"x": 30}


def test_several_rows_for_a_sample_are_odd() -> None:
    """The forward runs, but what comes out are not eight answers."""
    assert isinstance(attempt(nets.Viewed(), Call({"x": floats(8, 3, 64, 64)})).error, Odd)


def test_a_slow_forward_is_left() -> None:
    """At its next operation."""
    outcome = attempt(nn.Linear(4, 2), Call({"x": floats(8, 4)}), until=time.monotonic() - 1)
    assert isinstance(outcome.error, TooSlow)


def test_a_parameter_that_forward_writes_is_kept() -> None:
    """On meta it is written to a twin; a search holds a guard besides."""

    class Clipping(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            self.weight.clamp_(-0.01, 0.01)
            return super().forward(x)

    model = Clipping(4, 2)
    before = model.weight.detach().clone()
    assert attempt(model, Call({"x": floats(8, 4)})).ok
    assert torch.equal(model.weight, before)


def test_a_search_tries_a_call_once() -> None:
    """Bisection and the ladder meet the same sizes."""
    search = Search(nn.Linear(4, 2))
    call = Call({"x": floats(8, 4)})
    assert search(call) is search(Call({"x": floats(8, 4)}))


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("a and b must have same reduction dim, but got [8, 9216] X [400, 120].", (9216, 400)),
        ("mat1 and mat2 shapes cannot be multiplied (8x576 and 400x120)", (576, 400)),
        ("The size of tensor a (17) must match the size of tensor b (197) at dimension 1", (17, 197)),
        ("running_mean should contain 17 elements not 30", (17, 30)),
        ("input.size(-1) must be equal to input_size. Expected 30, got 3", (3, 30)),
        ("shape '[-1, 400]' is invalid for input of size 8072", (1009, 400)),
        ("not enough values to unpack (expected 4, got 2)", None),
        ("something else", None),
    ],
)
def test_mismatches_are_read_from_messages(text: str, pair: tuple[int, int] | None) -> None:
    """The size that was met, then the one that was wanted."""
    assert complaints.mismatch(text) == pair


def test_sizes_are_read_from_messages() -> None:
    """Assertions of vision transformers name the size that they want."""
    assert 224 in complaints.sizes("Input height (64) doesn't match model (224).")


def test_bisection_finds_the_one_size_that_fits() -> None:
    """Of nets that flatten their pictures: here 7 x 7 values are wanted after two halvings."""
    seen = []

    def attempt(call: Call) -> Outcome:
        side = call.size
        assert side is not None
        seen.append(side)
        flat = (side // 4) ** 2
        wrong = RuntimeError(f"mat1 and mat2 shapes cannot be multiplied (8x{flat} and 49x10)")
        return Outcome(None if flat == 49 else wrong)

    call = Call({"x": floats(8, 3, 64, 64, free=(2, 3))})
    (found,) = sizes.solved(call, attempt(call), attempt)
    assert found.size == 28
    assert len(seen) < 16
