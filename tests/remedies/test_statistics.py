"""Remedies that give norms other statistics: they do what they say, and say what they cost."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from evalcheck.finding import Unanswerable
from evalcheck.probe import NotFinite
from evalcheck.probe.statistics.moments import Moments
from evalcheck.remedies import data_free_repair, dropout_correction, evaluation_statistics, halving, proof
from tests.probe.nets import batches, mlp, trained
from tests.remedies.normed_nets import (
    broken,
    dropped,
    edited,
    plain,
    shared,
    slow,
    trial,
    untracked,
    without_targets,
)

SHIFTED = batches(256, 2, gain=0.3)


def scores(attempt):
    return {name: (before, after) for name, before, after in attempt.scores}


@given(
    st.floats(0.02, 0.95), st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 9)), min_size=2, max_size=6)
)
def test_the_start_is_taken_out_exactly(weight, channels):
    mean, var = torch.tensor(channels, dtype=torch.float64).unbind(1)
    mixed = Moments(1, (1 - weight) * mean, weight + (1 - weight) * var)
    found = data_free_repair._repaired(mixed, weight)
    torch.testing.assert_close(found.mean, mean)
    torch.testing.assert_close(found.var, var)


def test_a_repaired_variance_is_never_negative():
    found = data_free_repair._repaired(Moments(1, torch.zeros(2), torch.tensor([0.4, 3.0])), 0.5)
    assert bool((found.var > 0).all())


def test_statistics_that_still_hold_their_start_are_repaired_without_data():
    attempt = proof.attempt(trial(slow()), "data-free-repair")
    assert attempt.status == "proved"
    assert "no data needed" in attempt.title


def test_a_share_that_the_counter_does_not_know_is_fitted_and_says_so():
    model = slow()
    for norm in (model[1], model[4]):
        norm.num_batches_tracked.fill_(7)
    attempt = proof.attempt(trial(model), "data-free-repair")
    assert attempt.status == "proved"
    assert "fitted on data" in attempt.title


@pytest.mark.parametrize("build", [edited, plain])
def test_nothing_is_repaired_where_the_start_is_not_what_is_wrong(build):
    with pytest.raises(Unanswerable, match="initial values"):
        proof.attempt(trial(build()), "data-free-repair")


def test_norms_that_were_never_updated_cannot_be_repaired_without_data():
    model = plain()
    model[1].reset_running_stats()
    with pytest.raises(Unanswerable):
        proof.attempt(trial(model), "data-free-repair")


def test_the_closed_form_of_dropout_comes_near_the_statistics_without_dropout():
    made = trial(dropped())
    found = dropout_correction._corrected(made, ["2"])
    exact = made.moments["2"].pooled.var.float()
    apart = (found["2"] / exact).log().abs().mean()
    assert apart < 0.5 * (made.norms["2"].running_var / exact).log().abs().mean()


def test_only_norms_that_are_really_widened_count_as_left_alone(monkeypatch):
    made = trial(dropped())
    slight = [replace(r, dropout_ratio=1.02) if r.module != "2" else r for r in made.layers]
    wide = [*slight, replace(slight[0], module="other", dropout_ratio=1.3)]
    monkeypatch.setattr(made, "layers", slight)
    assert dropout_correction._told(made, ["2"]) == ""
    monkeypatch.setattr(made, "layers", wide)
    told = dropout_correction._told(made, ["2"])
    assert "corrected: 2;" in told
    assert told.endswith("they are widened: other")


def test_the_closed_form_is_not_offered_without_dropout():
    with pytest.raises(Unanswerable, match="dropout"):
        proof.attempt(trial(plain()), "dropout-correction")


def test_statistics_of_the_evaluation_data_cure_another_domain_at_a_price_for_the_old_one():
    attempt = proof.attempt(trial(plain(), SHIFTED), "evaluation-statistics")
    assert attempt.status == "proved"
    assert "on the training data accuracy goes from" in attempt.price
    assert "a set for each domain" in attempt.price


def test_no_sample_is_judged_by_statistics_that_it_fed(monkeypatch):
    fed, judged = [], []
    collected, on = evaluation_statistics._collected, evaluation_statistics._on
    monkeypatch.setattr(evaluation_statistics, "_collected", lambda t, p: fed.append(p) or collected(t, p))
    monkeypatch.setattr(evaluation_statistics, "_on", lambda t, p, table: judged.append(p) or on(t, p, table))
    made = trial(plain(), SHIFTED)
    evaluation_statistics.run(made)
    assert [here.overlaps(there) for here, there in zip(judged[:2], fed, strict=True)] == [False, False]
    assert sum(pool.samples for pool in judged[:2]) == made.held.samples


@pytest.mark.parametrize("joinable", [True, False])
def test_halves_come_back_in_the_order_of_the_pool(joinable):
    made = trial(plain(), SHIFTED)
    pool = made.held if joinable else type(made.held)("held", made.held.batches, None, 32)
    parts = halving.halves(pool)
    runs = [made.passes.rows(part, lambda model: model.eval()) for part, _ in parts]
    found = halving.joined(runs, torch.cat([index for _, index in parts]))
    torch.testing.assert_close(found.rows, made.evaluated.rows)
    torch.testing.assert_close(found.scores["loss"], made.evaluated.scores["loss"])


def test_statistics_of_the_evaluation_data_take_targets_to_prove():
    made = trial(plain(), without_targets(SHIFTED), without_targets(batches(256, 5)))
    attempt = proof.attempt(made, "evaluation-statistics")
    assert attempt.status == "untried"
    assert "targets" in attempt.detail


def test_they_are_not_offered_where_no_training_data_tells_the_domains_apart():
    with pytest.raises(Unanswerable, match="domain"):
        proof.attempt(trial(plain(), SHIFTED, None), "evaluation-statistics")


def test_statistics_of_the_batch_are_no_cure_since_a_sample_then_depends_on_its_mates():
    attempt = proof.attempt(trial(plain(), SHIFTED), "batch-statistics")
    assert attempt.status == "failed"
    assert attempt.recovered > 0.8
    assert "among other mates" in attempt.detail
    assert "of the classes change" in attempt.detail
    assert "alone" in attempt.price


def test_statistics_of_each_call_give_a_shared_norm_more_than_pooled_ones():
    made = trial(shared())
    of_calls, pooled = (proof.attempt(made, name) for name in ("per-call-statistics", "recalibrate"))
    assert of_calls.status == "proved"
    assert of_calls.recovered > pooled.recovered
    assert scores(of_calls)["loss"][1] < scores(pooled)["loss"][1]


def test_norms_without_statistics_get_some_and_the_batch_size_no_longer_matters():
    attempt = proof.attempt(trial(untracked()), "tracked-statistics")
    assert attempt.status == "proved"
    assert attempt.before > 0.1
    assert attempt.after < 1e-4
    assert scores(attempt)["accuracy"][1] > 0.9


def test_samples_that_came_alone_are_answered_again():
    model = nn.Sequential(
        nn.Unflatten(1, (3, 4)), nn.BatchNorm1d(3, track_running_stats=False), nn.Flatten(), mlp()
    )
    attempt = proof.attempt(trial(trained(model, epochs=4)), "tracked-statistics")
    assert "of samples that come alone accuracy goes from" in attempt.detail


def test_norms_that_keep_statistics_get_none():
    with pytest.raises(Unanswerable, match="keeps running statistics"):
        proof.attempt(trial(plain()), "tracked-statistics")


@pytest.mark.parametrize("value", [float("nan"), -0.5])
def test_statistics_that_are_no_numbers_are_filled_anew(value):
    made = trial(broken(value))
    with pytest.raises(NotFinite):
        _ = made.evaluated
    attempt = proof.attempt(made, "reset-statistics")
    assert (attempt.status, attempt.before, attempt.after) == ("proved", 256, 0)
    assert "accuracy is then 9" in attempt.detail or "accuracy is then 100" in attempt.detail


def test_an_infinite_variance_is_filled_anew_though_the_output_is_finite():
    attempt = proof.attempt(trial(broken(float("inf"))), "reset-statistics")
    assert (attempt.status, attempt.before, attempt.after) == ("proved", 1, 0)


def test_weights_that_are_no_numbers_are_not_cured_by_statistics():
    model = broken()
    with torch.no_grad():
        model[6].weight[0, 0] = float("nan")
    assert proof.attempt(trial(model), "reset-statistics").status == "failed"
