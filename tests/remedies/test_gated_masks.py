"""The chance of a mask that is drawn by hand, against many draws of it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from evalcheck.remedies.gating import callers
from evalcheck.remedies.gating.mode import KINDS, Gate
from evalcheck.remedies.gating.roles import Uniform

MANY = 4000
number = st.floats(-3, 3).map(lambda value: round(value, 3))
factor = number.filter(lambda value: abs(value) > 0.1)


class Drawing(nn.Module):
    """Runs any function as its forward."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def gated(function, *args):
    model = Drawing(function).eval()
    with Gate(KINDS, callers.known(model)):
        return model(*args)


def drawn(function, *args):
    torch.manual_seed(0)
    return torch.stack([function(*args) for _ in range(MANY // 100)]).double().mean()


@settings(max_examples=60, deadline=None)
@given(scale=factor, shift=number, limit=number, above=st.booleans())
def test_the_chance_of_a_threshold_is_that_of_its_draws(scale, shift, limit, above):
    def mask(size=100):
        values = torch.rand(size, dtype=torch.float64) * scale + shift
        return (values > limit if above else values <= limit).double()

    assert float(gated(mask).mean()) == pytest.approx(float(drawn(mask)), abs=0.05)


@settings(max_examples=40, deadline=None)
@given(keep=st.floats(0.01, 0.99))
def test_a_floored_mask_is_set_with_the_chance_that_was_added(keep):
    def mask(size=100):
        return torch.floor(keep + torch.rand(size, dtype=torch.float64))

    assert float(gated(mask).mean()) == pytest.approx(keep)
    assert float(drawn(mask)) == pytest.approx(keep, abs=0.05)


def test_tensors_of_rates_give_tensors_of_chances():
    rates = torch.tensor([0.0, 0.25, 1.0, 2.0])
    assert gated(lambda: (torch.rand(4) < rates).float()).tolist() == [0.0, 0.25, 1.0, 1.0]
    assert gated(lambda: (rates > torch.rand(4)).float()).tolist() == [0.0, 0.25, 1.0, 1.0]
    assert gated(lambda: torch.bernoulli(rates.clamp(0, 1))).tolist() == [0.0, 0.25, 1.0, 1.0]


def test_masks_keep_the_type_of_what_they_mask():
    x = torch.ones(3, dtype=torch.float16)
    assert gated(lambda: x * (torch.rand(3) < 0.25)).dtype == torch.float16
    assert gated(lambda: x.masked_fill(torch.rand(3) < 0.25, 0.0)).tolist() == [0.75] * 3
    assert gated(lambda: torch.where(torch.rand(3) < 0.25, x, -x)).dtype == torch.float16


def test_what_is_hidden_from_a_softmax_is_hidden_or_not():
    """A share of minus infinity, or of a very large number, is no mean of anything."""
    for value in (float("-inf"), -1e9):
        found = gated(lambda value=value: torch.ones(4).masked_fill(torch.rand(4) < 0.25, value))
        assert found.tolist() == [1.0] * 4


def test_an_index_takes_the_likelier():
    x = torch.arange(4.0)
    assert gated(lambda: x[torch.rand(4) < torch.tensor([0.9, 0.1, 0.8, 0.2])]).tolist() == [0.0, 2.0]


def test_a_number_that_is_drawn_again_is_a_new_one():
    def twice():
        values = torch.rand(3)
        return values.uniform_(2, 4) < 2.5

    assert gated(lambda: twice().float()).tolist() == [0.25] * 3


def test_an_uneven_step_is_followed_no_further():
    found = gated(lambda: (torch.rand(3) * torch.tensor([1.0, 2.0, 4.0]) < 1.5).float())
    assert found.tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("draw", "mean"),
    [
        (lambda: torch.normal(0.5, 2.0, (2,)), [0.5, 0.5]),
        (lambda: torch.normal(torch.tensor([1.0, 2.0]), 2.0), [1.0, 2.0]),
        (lambda: torch.empty(1).log_normal_(0.0, 1.0), [math.exp(0.5)]),
        (lambda: torch.empty(1).geometric_(0.25), [4.0]),
        (lambda: torch.empty(1).cauchy_(3.0), [3.0]),
        (lambda: torch.empty(1).exponential_(4.0), [0.25]),
        (lambda: torch.binomial(torch.tensor([8.0]), torch.tensor([0.25])), [2.0]),
        (lambda: torch.poisson(torch.tensor([2.5])), [2.5]),
        (lambda: torch.distributions.Gamma(torch.tensor([3.0]), torch.tensor([2.0])).sample(), [1.5]),
        (lambda: torch.distributions.Beta(torch.tensor([3.0]), torch.tensor([1.0])).sample(), [0.75]),
        (lambda: torch.distributions.Bernoulli(torch.tensor([0.3])).sample(), [0.3]),
        (lambda: torch.distributions.Categorical(torch.tensor([0.2, 0.5, 0.3])).sample()[None], [1]),
        (lambda: torch.tensor([1.0, 3.0, 2.0]).multinomial(2), [1, 2]),
        (lambda: torch.tensor([1.0, 3.0, 2.0]).multinomial(2, replacement=True), [1, 1]),
        (lambda: torch.randperm(3), [0, 1, 2]),
        (lambda: torch.empty(2, dtype=torch.bool).bernoulli_(0.8), [True, True]),
        (lambda: F.gumbel_softmax(torch.tensor([1.0, 3.0, 2.0]), hard=True), [0.0, 1.0, 0.0]),
    ],
)
def test_draws_give_the_mean_of_their_distribution(draw, mean):
    assert gated(draw).tolist() == pytest.approx(mean)


def test_in_train_mode_everything_is_drawn():
    model = Drawing(lambda: torch.rand(50))
    with Gate(KINDS, callers.known(model)) as gate:
        assert len(set(model().tolist())) > 1
    assert not gate.met


def test_draws_outside_of_the_model_are_not_touched():
    model = Drawing(lambda: torch.rand(50)).eval()
    with Gate(KINDS, callers.known(model)):
        assert len(set(torch.rand(50).tolist())) > 1


def test_a_uniform_number_of_no_width_is_a_number():
    assert Uniform(1.0, 1.0).below(2.0) == 1.0
