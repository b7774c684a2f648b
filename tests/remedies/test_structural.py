"""Remedies that set a switch or keep something as it is: fast path, observers, norms, averaged copies."""

import pytest
import torch
from torch import nn
from torch.ao.quantization import FakeQuantize, MovingAverageMinMaxObserver

from evalcheck.finding import Unanswerable
from evalcheck.remedies import proof
from tests.guard.fingerprint import fingerprint
from tests.remedies.noisy_nets import headed, trial
from tests.remedies.structural_nets import Averaged, Pooled, instances, padded, pinned, quantised, settled


def attempt(model, name, **options):
    """The attempt, with the model shown to be as it was."""
    subject = trial(model, **options)
    before = fingerprint(model)
    try:
        return proof.attempt(subject, name)
    finally:
        assert fingerprint(model) == before


# Fast path


def test_without_the_fast_path_the_gradient_modes_agree():
    model = Pooled().eval()
    subject, before = padded(model), fingerprint(model)
    found = proof.attempt(subject, "fast-path-off")
    assert (found.status, found.after <= 1e-4 < found.before) == ("proved", True)
    assert fingerprint(model) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_fast_path_is_on_again_whatever_ends_its_trial(error):
    class Ending(Pooled):
        def forward(self, *args, **kwargs):
            if not torch.backends.mha.get_fastpath_enabled() and torch.is_grad_enabled():
                raise error("stop")
            return super().forward(*args, **kwargs)

    model = Ending().eval()
    subject, before = padded(model), fingerprint(model)
    with pytest.raises((Exception, KeyboardInterrupt), match="stop"):
        proof.attempt(subject, "fast-path-off")
    assert fingerprint(model) == before
    assert torch.backends.mha.get_fastpath_enabled()


def test_where_the_gradient_modes_agree_there_is_nothing_to_turn_off():
    with pytest.raises(Unanswerable):
        proof.attempt(padded(Pooled(masked=True)), "fast-path-off")


def test_a_difference_that_is_not_the_fast_paths_is_not_its_matter():
    def step(self, x):
        return x if torch.is_grad_enabled() else 2 * x

    with pytest.raises(Unanswerable, match="not what makes"):
        attempt(headed(step), "fast-path-off")


# Observers


def test_observers_that_are_off_move_nothing():
    found = attempt(settled(quantised()), "observers-off")
    assert (found.status, found.after) == ("proved", 0)
    assert found.before >= 1


def test_without_observers_there_is_nothing_to_disable():
    with pytest.raises(Unanswerable):
        attempt(headed(lambda self, x: x), "observers-off")
    model = settled(quantised())
    model.apply(torch.ao.quantization.disable_observer)
    with pytest.raises(Unanswerable):
        attempt(model, "observers-off")


# Instance norms


def test_instances_are_normalised_by_themselves_in_eval_mode_too():
    found = attempt(instances(), "instance-statistics-off")
    assert found.status == "proved"
    assert found.after < 1e-6 < found.before


def test_instance_norms_that_keep_nothing_need_no_remedy():
    model = headed(lambda self, x: self.norm(x.unflatten(1, (4, 8))).flatten(1), norm=nn.InstanceNorm1d(4))
    with pytest.raises(Unanswerable):
        attempt(model, "instance-statistics-off")
    with pytest.raises(Unanswerable, match="made up"):
        attempt(model, "instance-statistics-off", synthetic=True)


# Frozen norms


def test_frozen_norms_that_sleep_do_not_drift():
    found = attempt(pinned(), "frozen-norms")
    assert (found.status, found.after) == ("proved", 0)
    assert found.before > 0.05
    assert "2 training batches" in found.measure


def test_norms_that_were_put_in_eval_mode_and_wake_are_held_too():
    model = settled(headed(lambda self, x: self.norm(3 * x), norm=nn.BatchNorm1d(32)), batches=2)
    model.norm.eval()
    found = attempt(model, "frozen-norms")
    assert (found.status, found.after) == ("proved", 0)


def test_norms_that_learn_are_not_held():
    with pytest.raises(Unanswerable):
        attempt(headed(lambda self, x: self.norm(x), norm=nn.BatchNorm1d(32)), "frozen-norms")


# Averaged copies


def test_a_copy_with_its_models_buffers_is_near_its_model():
    found = attempt(Averaged(), "copied-buffers")
    assert found.status == "proved"
    assert found.after < 0.01 < found.before
    assert [name for name, *_ in found.scores if name == "loss"]


def test_a_copy_that_eval_mode_does_not_run_is_not_judged():
    with pytest.raises(Unanswerable):
        attempt(Averaged(idle=True), "copied-buffers")


def test_a_copy_that_refuses_its_models_buffers_is_no_complaint_of_the_users():
    class Picky(Averaged):
        def forward(self, x):
            if not self.training and int(self.ema.norm.num_batches_tracked):
                raise RuntimeError("stop")
            return super().forward(x)

    with pytest.raises(Unanswerable, match="stop"):
        attempt(Picky(), "copied-buffers")


def test_a_model_without_a_copy_has_none_to_fill():
    with pytest.raises(Unanswerable, match="no averaged copy"):
        attempt(headed(lambda self, x: x), "copied-buffers")


RUNS = {"observers-off": 3, "frozen-norms": 2, "instance-statistics-off": 9}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("name", RUNS)
def test_whatever_ends_a_trial_the_model_is_as_before(name, error):
    runs = []

    def step(self, x):
        runs.append(1)
        if len(runs) > RUNS[name]:
            raise error("stop")
        return self.fake(self.norm(self.instance(x.unflatten(1, (4, 8))).flatten(1)))

    norm = nn.BatchNorm1d(32).requires_grad_(False)
    fake = FakeQuantize(MovingAverageMinMaxObserver, quant_min=0, quant_max=255)
    instance = nn.InstanceNorm1d(4, track_running_stats=True)
    model = headed(step, norm=norm, fake=fake, instance=instance)
    subject = trial(model)
    before = fingerprint(model)
    with pytest.raises((Exception, KeyboardInterrupt), match="stop"):
        proof.attempt(subject, name)
    assert fingerprint(model) == before
