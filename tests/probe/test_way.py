"""The way from eval mode to train mode names the cause, and the modules that it comes from."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evalcheck import rulebook
from evalcheck.checkup import trial
from evalcheck.probe import Trial
from tests.probe.nets import Shared, batches, data, mlp, trained

THRESHOLDS = rulebook.find("train-eval-divergence").options


def first(found: Trial):
    """The main cause of a trial."""
    return found.causes(THRESHOLDS)[0]


def stale() -> nn.Module:
    model = trained(mlp())
    model[4].running_mean += 2.0
    return model


def test_statistics_that_were_moved_are_named_with_their_norm():
    """The norm behind it is healthy, and is not blamed."""
    cause = first(trial(stale(), batches(512, 2), batches(1024, 1)))
    assert (cause.name, cause.modules) == ("stale", ("4",))
    assert cause.interval is not None
    assert cause.interval[0] < cause.size < cause.interval[1]


def test_dropout_in_front_of_norms_is_named():
    """At half of the values the variance that the norm learns is far from that of eval mode."""
    cause = first(trial(trained(mlp(before=0.5)), batches(512, 2), batches(1024, 1)))
    assert cause.name == "dropout"
    assert set(cause.modules) == {"2", "6"}


def test_a_norm_shared_by_unlike_calls_is_named():
    """Whatever the momentum: statistics of neither call fit."""
    cause = first(trial(trained(Shared()), batches(512, 2), batches(1024, 1)))
    assert (cause.name, cause.modules) == ("shared", ("norm",))


def test_evaluation_data_of_another_scale_are_named_at_the_first_norm():
    """Where the data come in; what lies behind inherits it."""
    cause = first(trial(trained(mlp()), batches(512, 2, gain=0.3), batches(1024, 1)))
    assert cause.name == "domain"
    assert cause.modules[0] == "1"


def test_sorted_training_batches_are_material():
    """The same samples in shuffled batches give other outputs."""
    x, y = data(1024, 1)
    order = y.argsort(stable=True)
    loader = list(zip(x[order].split(32), y[order].split(32), strict=True))
    found = trial(trained(mlp(), sort=True), batches(512, 2), loader)
    assert next(c for c in found.causes(THRESHOLDS) if c.name == "order").material
    shuffled = trial(trained(mlp()), batches(512, 2), batches(1024, 1))
    assert not next(c for c in shuffled.causes(THRESHOLDS) if c.name == "order").material


@pytest.mark.parametrize(
    "model",
    [mlp(), mlp(after=0.3), mlp(norm=lambda width: nn.GroupNorm(4, width)), mlp(norm=nn.LayerNorm)],
    ids=["batch norm", "dropout behind it", "group norm", "layer norm"],
)
def test_healthy_models_have_no_cause_that_costs_anything(model):
    """Eval mode is train mode without its noise."""
    found = trial(trained(model), batches(512, 2), batches(1024, 1))
    assert [c.name for c in found.causes(THRESHOLDS) if c.material] == []


def test_noise_of_eval_mode_is_the_only_cause_that_is_told():
    """Nothing else can be measured beneath it."""

    class Noisy(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.dropout(super().forward(x), 0.3)

    model = Noisy(*trained(mlp()))
    causes = trial(model, batches(512, 2), batches(1024, 1)).causes(THRESHOLDS)
    assert [c.name for c in causes] == ["noise"]


def test_a_pass_that_train_mode_already_ran_is_not_run_again():
    """Without dropout the passes of train mode are what reference and population need."""
    quiet, noisy = (
        trial(trained(model), batches(512, 2), batches(512, 1)) for model in (mlp(), mlp(after=0.3))
    )
    for found in (quiet, noisy):
        found.causes(THRESHOLDS)
    assert quiet.passes.silent
    assert not noisy.passes.silent
    assert quiet.run.samples_run <= noisy.run.samples_run - 3 * 512
