"""Gates of randomness: what draws in eval mode is answered as code that asks for the mode would answer."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.remedies import proof
from tests.guard.fingerprint import fingerprint
from tests.remedies.noisy_nets import Attention, headed, numpy_noise, trial

FUNCTIONAL, ATTENTION = "gate-functional-dropout", "gate-attention-dropout"
OPERATIONS, ALL = "gate-random-operations", "gate-randomness"


def attempt(model, name, **options):
    return proof.attempt(trial(model, **options), name)


@pytest.mark.parametrize(
    "step",
    [
        lambda self, x: F.dropout(x, 0.4),
        lambda self, x: F.dropout(x, 0.4, inplace=True),
        lambda self, x: F.dropout(x, 0.4, True),
        lambda self, x: torch.dropout(x, 0.4, True),
        lambda self, x: torch.dropout_(x.clone(), 0.4, train=True),
        lambda self, x: torch.native_dropout(x, 0.4, True)[0],
        lambda self, x: torch.ops.aten.dropout(x, 0.4, True),
        lambda self, x: F.alpha_dropout(x, 0.4, training=True),
        lambda self, x: F.feature_alpha_dropout(x[..., None], 0.4, training=True)[..., 0],
        lambda self, x: F.dropout1d(x[..., None], 0.4)[..., 0],
        lambda self, x: nn.Dropout(0.4)(x),
        lambda self, x: torch.cat([F.dropout(part, 0.4) for part in (x,)]),
    ],
)
def test_functional_dropouts_are_switched_off(step):
    found = attempt(headed(step), FUNCTIONAL)
    assert found.status == "proved"
    assert found.before > 0.01
    assert found.after == 0
    assert {name for name, *_ in found.scores} >= {"loss", "accuracy"}


def test_gated_dropout_gives_what_told_dropout_gives():
    gated = headed(lambda self, x: F.dropout(x, 0.4))
    told = headed(lambda self, x: F.dropout(x, 0.4, self.training))
    scores = {name: after for name, _, after in attempt(gated, FUNCTIONAL).scores}
    run = trial(told).evaluated
    assert scores["loss"] == pytest.approx(run.mean("loss"))


@pytest.mark.parametrize("name", [FUNCTIONAL, ATTENTION, OPERATIONS, ALL])
@pytest.mark.parametrize(
    "step",
    [
        lambda self, x: F.dropout(x, 0.4, self.training),
        lambda self, x: F.dropout(x, 0.0),
        lambda self, x: F.alpha_dropout(x, 0.4),
        lambda self, x: F.rrelu(x),
        lambda self, x: x + 0 * torch.rand(1).to(x),
        numpy_noise,
    ],
)
def test_what_no_gate_reaches_is_not_answered(step, name):
    with pytest.raises(Unanswerable):
        attempt(headed(step), name)


def test_dropout_layers_in_train_mode_are_no_functional_dropout():
    class Awake(nn.Dropout):
        def train(self, mode=True):
            return super().train(True)

    with pytest.raises(Unanswerable, match="no functional dropout"):
        attempt(headed(lambda self, x: self.drop(x), drop=Awake(0.4)), FUNCTIONAL)


def test_attention_gets_a_rate_of_zero():
    found = attempt(Attention(), ATTENTION, shape=(4,))
    assert (found.status, found.after) == ("proved", 0)


def test_functional_attention_is_told_the_mode():
    attention = nn.MultiheadAttention(32, 2, dropout=0.3, batch_first=True)

    def step(self, x):
        of = self.attention
        weights = (of.in_proj_weight, of.in_proj_bias, None, None, False, 0.3)
        output = (of.out_proj.weight, of.out_proj.bias)
        tokens = x.unflatten(1, (4, 8)).repeat(1, 1, 4).transpose(0, 1)
        return F.multi_head_attention_forward(tokens, tokens, tokens, 32, 2, *weights, *output)[0][0]

    found = attempt(headed(step, attention=attention), ATTENTION)
    assert (found.status, found.after) == ("proved", 0)


def masked(self, x):
    """Dropout by hand without the division: its mean is the rate times the input."""
    return x * torch.bernoulli(torch.full_like(x, 0.6))


def by_threshold(self, x):
    return x * (torch.rand_like(x) < 0.6)


def by_floor(self, x):
    return x * (0.6 + torch.rand_like(x)).floor_()


def by_filling(self, x):
    return x.masked_fill(torch.rand_like(x) >= 0.6, 0.0)


def by_choice(self, x):
    return torch.where(torch.full_like(x, 0.4) < torch.rand_like(x), x, torch.zeros_like(x))


def by_negation(self, x):
    return x * (~(torch.rand(x.shape) < 0.4)).float()


def by_remainder(self, x):
    return x * (1 - (torch.rand(x.shape) > 0.6).to(x.dtype))


def in_place(self, x):
    return x * torch.empty_like(x).bernoulli_(0.6)


def as_boolean(self, x):
    return x * torch.empty_like(x).bernoulli_(0.6).bool()


@pytest.mark.parametrize(
    "step",
    [masked, by_threshold, by_floor, by_filling, by_choice, by_negation, by_remainder, in_place, as_boolean],
)
def test_masks_by_hand_give_their_mean(step):
    found = attempt(headed(step), OPERATIONS)
    assert found.after == 0
    scores = {name: after for name, _, after in found.scores}
    assert scores["loss"] == pytest.approx(trial(headed(lambda self, x: 0.6 * x)).evaluated.mean("loss"))


def skipping(self, x):
    return x if torch.rand(1) < 0.2 else x + torch.tanh(self.extra(x))


def skipping_by_number(self, x):
    return x if torch.rand(1).item() < 0.2 else x + torch.tanh(self.extra(x))


def skipping_by_mask(self, x):
    return x if torch.bernoulli(torch.tensor(0.2)) else x + torch.tanh(self.extra(x))


@pytest.mark.parametrize("step", [skipping, skipping_by_number, skipping_by_mask])
def test_branches_go_the_likelier_way(step):
    torch.manual_seed(3)
    extra = nn.Linear(32, 32)
    found = attempt(headed(step, extra=extra), OPERATIONS)
    always = headed(lambda self, x: x + torch.tanh(self.extra(x)), extra=extra)
    scores = {name: after for name, _, after in found.scores}
    assert found.after == 0
    assert scores["loss"] == pytest.approx(trial(always).evaluated.mean("loss"))


@pytest.mark.parametrize(
    ("step", "plain"),
    [
        (lambda self, x: x + 0.5 * torch.randn_like(x), lambda self, x: x),
        (lambda self, x: x + torch.empty_like(x).normal_(0.3, 1.0), lambda self, x: x + 0.3),
        (lambda self, x: torch.normal(x, 0.5), lambda self, x: x),
        (lambda self, x: x + torch.rand_like(x) - 0.5, lambda self, x: x),
        (lambda self, x: x + torch.empty_like(x).uniform_(-1, 3), lambda self, x: x + 1),
        (lambda self, x: x * torch.empty_like(x).exponential_(2.0), lambda self, x: x / 2),
        (lambda self, x: F.rrelu(x, 0.2, 0.4, training=True), lambda self, x: F.leaky_relu(x, 0.3)),
        (lambda self, x: F.gumbel_softmax(x, 2.0), lambda self, x: (x / 2).softmax(-1)),
        (lambda self, x: torch.cat([x[:, :28], x[:, 28 + torch.randperm(4)]], 1), lambda self, x: x),
        (lambda self, x: torch.distributions.Normal(x, 0.5).rsample(), lambda self, x: x),
        (lambda self, x: x + torch.poisson(x.square()) / 9, lambda self, x: x + x.square() / 9),
    ],
)
def test_draws_give_their_mean(step, plain):
    found = attempt(headed(step), OPERATIONS)
    assert found.before > 1e-4
    assert found.after == 0
    scores = {name: after for name, _, after in found.scores}
    assert scores["loss"] == pytest.approx(trial(headed(plain)).evaluated.mean("loss"), rel=1e-5)


def test_choices_are_the_likeliest():
    def step(self, x):
        index = torch.multinomial(x.softmax(-1), 1)
        return x * F.one_hot(index[:, 0], 32)

    found = attempt(headed(step), OPERATIONS)
    best = headed(lambda self, x: x * F.one_hot(x.argmax(-1), 32))
    scores = {name: after for name, _, after in found.scores}
    assert scores["loss"] == pytest.approx(trial(best).evaluated.mean("loss"))


def test_whole_numbers_of_a_range_have_no_mean_to_use():
    with pytest.raises(Unanswerable, match="randint"):
        attempt(headed(lambda self, x: x + torch.randint(0, 5, x.shape)), OPERATIONS)


def test_what_one_gate_leaves_is_said_to_be_no_cure():
    found = attempt(headed(lambda self, x: F.dropout(numpy_noise(self, x), 0.4)), FUNCTIONAL)
    assert found.status == "failed"
    assert 0 < found.after < found.before + 1


def test_each_kind_answers_for_its_own_and_one_remedy_for_all():
    def step(self, x):
        return F.dropout(x, 0.4) + torch.randn_like(x)

    model = headed(step)
    one, other, both = (attempt(model, name) for name in (FUNCTIONAL, OPERATIONS, ALL))
    assert {found.status for found in (one, other, both)} == {"proved"}
    assert both.before > max(one.before, other.before)
    assert "by these draws" in one.measure
    assert "randn_like" in both.price


def test_a_gate_that_costs_score_is_no_cure():
    def step(self, x):
        # Right with the noise on average, and always wrong at its mean.
        return x * torch.where(torch.randn(x.shape[0], 1).abs() < 0.1, -1.0, 1.0)

    found = attempt(headed(step), OPERATIONS)
    assert found.after == 0
    assert found.status == "failed"
    assert "gets worse" in found.detail


def test_made_up_inputs_are_enough_for_the_scatter():
    found = attempt(headed(lambda self, x: F.dropout(x, 0.4)), FUNCTIONAL, synthetic=True)
    assert (found.status, found.scores) == ("proved", ())


def test_what_is_kept_of_eval_mode_was_not_run_under_a_gate():
    model = headed(lambda self, x: F.dropout(x, 0.4))
    first, second = trial(model), trial(model)
    found = proof.attempt(first, FUNCTIONAL)
    assert torch.equal(first.evaluated.rows, second.evaluated.rows)
    assert found.scores == proof.attempt(second, FUNCTIONAL).scores


class Broken(BaseException):
    """Neither an error nor an interrupt that anybody handles."""


@pytest.mark.parametrize("ends", [1, 6, 14])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, Broken])
def test_whatever_ends_a_trial_the_model_and_torch_are_as_before(error, ends):
    calls = []

    def step(self, x):
        calls.append(1)
        if len(calls) > ends:
            raise error("stop")
        return F.dropout(x, 0.4)

    model = headed(step)
    subject = trial(model)
    before = fingerprint(model)
    with pytest.raises((Unanswerable, Complaint, error)):
        proof.attempt(subject, FUNCTIONAL)
    assert fingerprint(model) == before
    assert torch._C._len_torch_function_stack() == 0


def test_a_trial_that_ends_well_leaves_nothing_either():
    model = headed(lambda self, x: F.dropout(x, 0.4) + torch.randn_like(x))
    subject = trial(model)
    before = fingerprint(model)
    for name in (FUNCTIONAL, OPERATIONS, ALL):
        proof.attempt(subject, name)
    assert fingerprint(model) == before
    assert torch._C._len_torch_function_stack() == 0
