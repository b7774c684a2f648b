"""Modules that eval() does not reach, put in eval mode with the rest."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from evalcheck.finding import Unanswerable
from evalcheck.remedies import proof
from tests.guard.fingerprint import fingerprint
from tests.remedies.noisy_nets import headed, numpy_noise, pool, trial

NAME = "hidden-modules"


def attempt(model, **options):
    return proof.attempt(trial(model, **options), NAME)


def with_dropout(kept):
    model = headed(lambda self, x: self.kept[0](x) if not callable(self.kept) else self.kept(x))
    model.kept = kept
    return model


@pytest.mark.parametrize("keep", [list, tuple])
def test_hidden_dropouts_are_put_to_sleep(keep):
    found = attempt(with_dropout(keep([nn.Dropout(0.4)])))
    assert (found.status, found.after) == ("proved", 0)
    assert found.before > 0.01
    assert "loss" in [name for name, *_ in found.scores]


def test_hidden_parameters_were_never_trained_and_the_price_says_so():
    assert not attempt(with_dropout([nn.Dropout(0.4)])).price
    kept = nn.Sequential(nn.Linear(32, 32), nn.Dropout(0.4))
    price = attempt(with_dropout([kept])).price
    assert "1,056 parameters" in price
    assert "train again" in price


def test_what_only_a_closure_holds_is_put_to_sleep_and_left_as_it_was():
    drop, norm = nn.Dropout(0.4), nn.BatchNorm1d(32)
    norm(torch.randn(20, 32))

    def call(x):
        return drop(norm(x))

    model = with_dropout(call)
    subject = trial(model)
    model.eval()
    before = fingerprint(drop), fingerprint(norm)
    found = proof.attempt(subject, NAME)
    assert (found.status, found.after) == ("proved", 0)
    assert (fingerprint(drop), fingerprint(norm)) == before
    assert drop.training
    assert norm.training


def test_a_hidden_norm_looks_at_its_batch_mates_until_it_sleeps():
    norm = nn.BatchNorm1d(32)
    features = torch.tanh(headed(lambda self, x: x).body(pool().batches[0].args[0]))
    for _ in range(60):
        norm(features.detach())
    found = attempt(with_dropout([norm]))
    assert found.status == "proved"
    assert found.after < 1e-9 < found.before


def test_modules_in_eval_mode_are_not_asked_about():
    with pytest.raises(Unanswerable, match="train mode"):
        attempt(with_dropout([nn.Dropout(0.4).eval()]))


def test_a_mode_that_changes_nothing_is_not_answered():
    with pytest.raises(Unanswerable, match="changes nothing"):
        attempt(with_dropout([nn.Linear(32, 32)]))


def test_other_noise_stays():
    def step(self, x):
        return numpy_noise(self, self.kept[0](x))

    model = headed(step)
    model.kept = [nn.Dropout(0.4)]
    assert attempt(model).status == "failed"


def test_what_a_gate_would_switch_off_is_another_remedys_matter():
    def step(self, x):
        return F.dropout(self.kept[0](x), 0.4)

    model = headed(step)
    model.kept = [nn.Dropout(0.4)]
    names = (NAME, "gate-functional-dropout", "gate-randomness")
    mine, gate, both = (proof.attempt(trial(model), name) for name in names)
    assert [found.status for found in (mine, gate, both)] == ["proved"] * 3
    assert both.before > max(mine.before, gate.before)
    assert both.measure == "scatter of eval mode"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_whatever_ends_a_trial_the_model_is_as_before(error):
    calls = []

    def step(self, x):
        calls.append(1)
        if len(calls) > 3:
            raise error("stop")
        return self.kept[0](x)

    model = headed(step)
    model.kept = [nn.Dropout(0.4)]
    subject = trial(model)
    before = fingerprint(model), fingerprint(model.kept[0])
    with pytest.raises((Unanswerable, error)):
        proof.attempt(subject, NAME)
    assert (fingerprint(model), fingerprint(model.kept[0])) == before
