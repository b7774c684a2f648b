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


@pytest.mark.parametrize("gain", [0.3, 3.0])
def test_the_order_of_training_batches_counts_in_the_variance_of_training_data(gain):
    """Held samples of another scale have other outputs, and say nothing of the training loader."""
    x, y = data(1024, 1)
    order = y.argsort(stable=True)
    loader = list(zip(x[order].split(32), y[order].split(32), strict=True))
    model = trained(mlp(), sort=True)
    alike, shifted = (trial(model, batches(512, 2, gain=g), loader) for g in (1.0, gain))
    sizes = [found.step("order").size(found.unit) for found in (alike, shifted)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.1)


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


class Gained(nn.Module):
    """Twice its input, in train mode only."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x if self.training else x


def test_what_train_mode_does_before_a_norm_is_dropout_only_if_it_draws():
    """The norm hides the factor in train mode, and its statistics are wrong in eval mode."""
    model = nn.Sequential(nn.Linear(12, 32), Gained(), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 4))
    cause = first(trial(trained(model), batches(512, 2), batches(1024, 1)))
    assert (cause.name, cause.modules) == ("custom", ("1",))


class TwoHeads(nn.Module):
    """Class scores beside features of another scale."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.body, self.norm, self.head, self.scale = (
            nn.Linear(12, 32),
            nn.BatchNorm1d(32),
            nn.Linear(32, 4),
            scale,
        )

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"features": self.scale * x, "logits": self.head(self.norm(self.body(x)).relu())}


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_a_part_of_the_output_with_large_numbers_hides_no_fault_of_another(scale):
    """Each part counts with its own spread."""
    torch.manual_seed(0)
    model = TwoHeads(scale)
    model.norm.running_mean += 1.5
    found = trial(model, batches(512, 2), batches(1024, 1))
    assert first(found).name == "stale"
    assert found.divergence.total > 0.1
    assert found.shares[1] == pytest.approx(1, abs=0.1)


def test_instance_norms_that_track_are_named_and_no_batch_is_called_small():
    """Their batch is one sample, whatever the loader gives."""
    model = nn.Sequential(
        nn.Unflatten(1, (1, 12)),
        nn.Conv1d(1, 8, 3),
        nn.InstanceNorm1d(8, affine=True, track_running_stats=True),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(80, 4),
    )
    cause = first(trial(trained(model, epochs=4), batches(512, 2), batches(1024, 1)))
    assert cause.modules == ("2",)
    assert cause.title.startswith("an instance norm")


def test_a_gain_that_chance_may_explain_does_not_rank_a_cause():
    """One sample of 512 right again is no recovery."""
    causes = trial(stale(), batches(512, 2), batches(1024, 1)).causes(THRESHOLDS)
    assert all(c.recovers == 0 or abs(c.recovers) > 1 / 512 for c in causes if c.recovers is not None)


def test_noise_from_numpy_differs_from_pass_to_pass_as_torch_s_does():
    """Passes that drew the same would take their noise for a shift of the mean."""
    numpy = pytest.importorskip("numpy")

    class Jittered(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.from_numpy(numpy.random.randn(*x.shape)).float() * self.training

    model = trained(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 4), Jittered()))
    found = trial(model, batches(512, 2), batches(512, 1)).divergence
    assert found.noise > 10 * abs(found.total)
