"""What counts as a proof: enough is given back, by more than chance, of what eval mode loses."""

import pytest
import torch

from evalcheck.finding import Unanswerable
from evalcheck.probe.running.runner import Run
from evalcheck.remedies import giving_back, proof, untried
from evalcheck.remedies.giving_back import Given
from evalcheck.remedies.outcome import Outcome, Symptom
from tests.probe.nets import batches, mlp, trained
from tests.remedies.normed_nets import edited, plain, trial, without_targets


class Treatment:
    """One that gives what the test wants."""

    TITLE = "a change"

    def __init__(self, outcome):
        self.outcome = outcome

    def run(self, _):
        return self.outcome


def judged(monkeypatch, made, outcome):
    monkeypatch.setattr(proof, "find", lambda _: Treatment(outcome))
    return proof.attempt(made, "a-change")


def altered(run, **changes):
    return Run(
        run.leaves, {name: changes.get(name, lambda v: v)(values) for name, values in run.scores.items()}
    )


def test_what_chance_could_have_done_is_no_proof(monkeypatch):
    """The mean loss falls by more than all that is lost, thanks to one sample in 256."""
    made = trial(edited())

    def lucky(loss):
        return torch.cat([loss[:1] - 256 * 2 * made.judge.harm, loss[1:]])

    attempt = judged(monkeypatch, made, Outcome(altered(made.evaluated, loss=lucky)))
    assert attempt.status == "failed"
    assert "chance" in attempt.detail
    assert attempt.recovered == 0


def test_half_of_the_loss_helps_and_is_no_cure(monkeypatch):
    made = trial(edited())
    lost = giving_back.given(made, made.evaluated).lost
    half = altered(made.evaluated, loss=lambda loss: loss - 0.5 * lost)
    attempt = judged(monkeypatch, made, Outcome(half))
    assert attempt.status == "failed"
    assert attempt.detail.startswith("helps, is no cure: gives back 50% of the loss")


def test_harm_is_called_by_its_name(monkeypatch):
    made = trial(edited())
    worse = altered(made.evaluated, loss=lambda loss: loss + 1)
    assert judged(monkeypatch, made, Outcome(worse)).detail.startswith("makes it worse")


def test_what_changes_nothing_is_told_so(monkeypatch):
    made = trial(edited())
    assert judged(monkeypatch, made, Outcome(made.evaluated)).detail == "changes nothing"


def test_an_accuracy_that_falls_is_not_hidden_behind_a_loss_that_falls(monkeypatch):
    made = trial(edited())
    mixed = altered(
        made.evaluated, loss=lambda loss: loss - made.judge.harm, accuracy=lambda right: right * 0.9
    )
    attempt = judged(monkeypatch, made, Outcome(mixed))
    assert attempt.measure == "loss"
    assert "while accuracy goes from" in attempt.detail


def test_the_figure_that_people_read_first_is_shown_where_it_agrees():
    attempt = proof.attempt(trial(edited()), "recalibrate")
    assert attempt.status == "proved"
    assert attempt.measure == "accuracy"
    assert attempt.after > attempt.before


def test_a_fault_of_its_own_makes_any_score_no_cure(monkeypatch):
    made = trial(edited())
    good = altered(made.evaluated, loss=lambda loss: loss - made.judge.harm)
    attempt = judged(monkeypatch, made, Outcome(good, fault="the other fault"))
    assert attempt.status == "failed"
    assert attempt.detail.endswith("but the other fault")


def test_statistics_of_the_judged_samples_prove_nothing_without_targets(monkeypatch):
    made = trial(edited(), without_targets(batches(256, 2)), without_targets(batches(256, 5)))
    assert made.judge is None
    attempt = judged(monkeypatch, made, Outcome(made.reference[0], circular=True))
    assert attempt.status == "untried"


def test_without_targets_the_distance_judges():
    made = trial(edited(), without_targets(batches(256, 2)), without_targets(batches(256, 5)))
    attempt = proof.attempt(made, "recalibrate")
    assert (attempt.status, attempt.measure) == ("proved", "distance from train mode")


def test_a_users_metric_judges_before_the_loss():
    def share_of_right(outputs, targets):
        return (outputs.argmax(1) == targets).float().mean()

    share_of_right.higher_is_better = True
    attempt = proof.attempt(trial(edited(), metric=share_of_right), "recalibrate")
    assert (attempt.status, attempt.measure) == ("proved", "metric")
    assert "metric" in attempt.detail


def test_one_batch_of_a_metric_is_too_few():
    assert Given("metric", 0.3, float("inf"), 0.3).told.startswith("cannot be told from chance")
    assert not Given("metric", 0.3, float("inf"), 0.3).is_cure


def test_what_the_order_of_training_batches_gave_is_lost_too():
    """Statistics of shuffled batches are all that recalibrating can give."""
    model = trained(mlp(), epochs=6, sort=True)
    x, y = (torch.cat(part) for part in zip(*batches(256, 5), strict=True))
    order = y.argsort(stable=True)
    feed = list(zip(x[order].split(32), y[order].split(32), strict=True))
    made = trial(model, without_targets(batches(256, 2)), without_targets(feed))
    order = made.step("order").size(made.unit)
    assert order > giving_back.ORDER
    lost = giving_back.given(made, made.evaluated).lost
    assert lost == pytest.approx(order + giving_back.apart(made, made.evaluated))


def test_a_symptom_that_goes_is_a_proof_unless_a_score_suffers(monkeypatch):
    made = trial(plain())
    gone = Symptom("noise", 0.5, 0.0, 1e-5)
    assert judged(monkeypatch, made, Outcome(made.evaluated, symptom=gone)).status == "proved"
    worse = altered(made.evaluated, loss=lambda loss: loss + 1)
    attempt = judged(monkeypatch, made, Outcome(worse, symptom=gone))
    assert attempt.status == "failed"
    assert "the loss gets worse" in attempt.detail


@pytest.mark.parametrize(
    ("after", "told"), [(0.2, "helps, is no cure"), (0.9, "makes it worse"), (0.5, "changes nothing")]
)
def test_a_symptom_that_stays_is_told_by_its_size(monkeypatch, after, told):
    made = trial(plain())
    attempt = judged(monkeypatch, made, Outcome(made.evaluated, symptom=Symptom("noise", 0.5, after, 1e-5)))
    assert (attempt.status, attempt.detail) == ("failed", told)


def test_nothing_that_was_run_is_nothing_to_judge(monkeypatch):
    with pytest.raises(Unanswerable):
        judged(monkeypatch, trial(plain()), Outcome())


@pytest.mark.parametrize("name", untried.ADVICE)
def test_advice_that_takes_training_says_by_whose_figures(name):
    attempt = proof.attempt(None, name)
    assert attempt.status == "untried"
    assert any(char.isdigit() for char in attempt.detail)
    assert not attempt.detail.endswith(".")


def test_without_targets_what_no_statistics_give_back_is_counted_out(monkeypatch):
    """Small batches move the mean of train mode; where that is more than a quarter, all of it counts."""
    made = trial(edited(), without_targets(batches(256, 2)), without_targets(batches(256, 5)))
    whole, best = giving_back.apart(made, made.evaluated), made.population.pooled
    for share, counted in ((0.2, 0.8), (0.3, 1.0)):
        left = lambda _, run, share=share: share * whole if run is not made.evaluated else whole  # noqa: E731
        monkeypatch.setattr(giving_back, "apart", left)
        found = giving_back.given(made, best)
        assert found.lost == pytest.approx(counted * whole)
        assert ("without the 20% that no statistics give back" in found.told) == (share == 0.2)
