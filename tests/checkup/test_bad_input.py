"""What cannot be worked with is said in one line that names it and the way out; the model stays as it was."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

import evalcheck
from evalcheck import Complaint
from tests.guard.fingerprint import fingerprint
from tests.probe.nets import batches, mlp, trained

HELD = batches(128, 2)


def refused(model, loader, *words, **options):
    """The complaint's line; the model must be untouched."""
    before = fingerprint(model) if isinstance(model, nn.Module) else None
    with pytest.raises(Complaint) as caught:
        evalcheck.check(model, loader, **options)
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line
    assert before is None or fingerprint(model) == before


def raising():
    yield HELD[0]
    raise OSError("disk on fire")


def test_an_empty_loader():
    refused(mlp(), [], "evaluation loader is empty")


def test_a_loader_that_raises():
    refused(mlp(), raising(), "the evaluation loader raised OSError: disk on fire")


def test_a_loader_that_is_none():
    refused(mlp(), 3, "is a int, which cannot be iterated")


def test_an_endless_loader_is_left_after_enough_samples():
    """Endless streams are common: about 512 samples are drawn, and no more."""
    drawn = []

    def endless():
        for index in itertools.count():
            drawn.append(index)
            yield HELD[index % len(HELD)]

    report = evalcheck.check(trained(mlp(), epochs=4), endless())
    assert report.measurements.divergence is not None
    assert len(drawn) < 40


def test_batches_that_the_model_refuses_are_shown_with_their_shapes():
    refused(mlp(), [torch.randn(8, 5)], "the model refuses a batch of 8x5 float32", "RuntimeError")


def test_outputs_that_are_not_finite_name_the_first_module():
    model = trained(mlp(), epochs=2)
    with torch.no_grad():
        model[3].weight[0, 0] = float("nan")
    refused(model, HELD, "NaN or infinity", "module '3' is the first")


def test_statistics_that_are_not_finite_are_the_answer_and_not_bad_input():
    model = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    model(torch.randn(16, 8))
    model[1].running_var[2] = float("nan")
    report = evalcheck.check(model, torch.randn(64, 8).split(16))
    assert "statistics-nonfinite" in {finding.rule for finding in report.findings}
    assert any("NaN or infinity" in gap.reason for gap in report.gaps if gap.layer == "probe")


class Trains(nn.Module):
    """Its train() is a training loop, and no switch."""

    def __init__(self):
        super().__init__()
        self.layer, self.drop = nn.Linear(8, 2), nn.Dropout(0.5)

    def train(self, trainer=None, **options):
        if not isinstance(trainer, bool):
            raise AssertionError("a training was started")
        return super().train(trainer)

    def forward(self, x):
        return self.drop(self.layer(x))


def test_a_train_method_that_is_no_switch_is_not_called():
    model = Trains()
    report = evalcheck.check(model, torch.randn(64, 8).split(16))
    assert not report.faults
    assert model.training


def test_what_is_no_module():
    refused(lambda x: x, HELD, "a function was given where a torch.nn.Module is needed")


def test_lazy_modules_get_their_shapes_for_the_examination_only():
    model = nn.Sequential(nn.LazyLinear(3))
    report = evalcheck.check(model, HELD)
    assert report.ok("note")
    assert any("lazy again" in note for note in report.notes)
    assert isinstance(model[0], nn.LazyLinear)


def test_a_device_that_is_not_there():
    refused(mlp(), HELD, "device 'cuda:99' is not to be had here", device="cuda:99")


def test_an_unknown_rule():
    refused(
        mlp(), HELD, "no rule or family 'shared-batchnrm'", "shared-batchnorm", select=["shared-batchnrm"]
    )


class Hungry(nn.Module):
    """Runs out of memory above sixteen samples."""

    def __init__(self):
        super().__init__()
        self.net = trained(mlp(), epochs=2)

    def forward(self, x):
        if len(x) > 16:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        return self.net(x)


def test_memory_that_ends_halves_the_batch_and_says_so():
    """Batches of 64 become batches of 16; the report tells."""
    model = Hungry()
    before = fingerprint(model)
    report = evalcheck.check(model, batches(256, 2, size=64), batches(256, 3, size=64))
    assert report.measurements.conditions.batch_size == 16
    assert any("cut to 16 samples" in note for note in report.notes)
    assert not report.faults
    assert fingerprint(model) == before


def test_memory_that_does_not_hold_one_sample_is_a_complaint():
    class Starved(nn.Module):
        def forward(self, x):
            raise torch.OutOfMemoryError("CUDA out of memory")

    refused(Starved(), HELD, "memory does not hold a single batch")


def test_a_model_that_train_mode_refuses_leaves_gaps():
    """A batch norm cannot train on single samples: eval is still judged."""
    report = evalcheck.check(trained(mlp(), epochs=2), [x[:1] for x, _ in HELD[:1]])
    assert not report.faults
    assert any("train mode" in gap.reason or "two samples" in gap.reason for gap in report.gaps), report.gaps


def test_a_loader_that_can_be_read_once_is_enough():
    """A generator is drawn from once; what needs a second pass is a gap."""
    report = evalcheck.check(trained(mlp(), epochs=4), iter(HELD))
    assert not report.faults
    assert report.measurements.divergence is not None
    assert any(gap.rule == "nondeterministic-eval-data" for gap in report.gaps)


def test_without_a_loader_the_input_is_made_up_and_that_is_said():
    """Rules that need data become gaps."""
    model = trained(mlp(), epochs=4)
    model.example_input_array = torch.randn(8, 12)
    report = evalcheck.check(model)
    assert any("made up (example_input_array" in note for note in report.notes)
    assert {"train-eval-divergence", "statistics-mismatch"} <= {gap.rule for gap in report.gaps}
    assert report.ok(), str(report)


def test_without_any_input_the_modules_are_still_read():
    """What their state tells is told, the rest is a gap."""

    class Convolving(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = trained(mlp(track_running_stats=False), epochs=2)

        def forward(self, x, edge_index):
            return self.net(x[edge_index[0]])

    report = evalcheck.check(Convolving())
    assert "batchnorm-without-running-stats" in {finding.rule for finding in report.findings}
    assert any("a graph (edge_index) cannot be made up: pass a loader" in note for note in report.notes)
    assert not report.faults


def test_the_model_is_untouched_after_a_whole_check():
    """Bit for bit, with a loader that draws from the global generators."""
    model = trained(mlp(after=0.3), epochs=4)
    model[0].weight.grad = torch.ones_like(model[0].weight)
    before = fingerprint(model)
    evalcheck.check(model, torch.utils.data.DataLoader(HELD, batch_size=None, shuffle=True), HELD)
    assert fingerprint(model) == before


def test_allowed_rules_are_not_reported():
    """Intent is declared, with a reason."""
    model = trained(mlp(), epochs=4)
    model[1].running_mean += 3
    assert not evalcheck.check(model, HELD, HELD).ok()
    allow = {"statistics-mismatch": "on purpose", "train-eval-divergence": "on purpose"}
    assert evalcheck.check(model, HELD, HELD, allow=allow).ok()


def test_assert_ok_raises_with_the_whole_report():
    """What a failing test shows is what the terminal shows."""
    model = trained(mlp(), epochs=4)
    model[1].running_mean += 3
    with pytest.raises(AssertionError, match="statistics-mismatch"):
        evalcheck.check(model, HELD, HELD).assert_ok()


def test_a_guessed_input_that_the_model_refuses_is_left_out():
    """What a model declares may be stale: the user made no mistake, and its layers tell another input."""
    model = trained(mlp(track_running_stats=False), epochs=2)
    model.example_input_array = torch.randn(8, 5)
    report = evalcheck.check(model)
    assert any("example_input_array declares does not fit" in note for note in report.notes)
    assert "batchnorm-without-running-stats" in {finding.rule for finding in report.findings}


def test_rules_about_norms_leave_no_gap_where_there_are_none():
    """A fresh transformer has no running statistics that could be wrong."""
    report = evalcheck.check(nn.Sequential(nn.Linear(12, 8), nn.LayerNorm(8), nn.Linear(8, 4)), HELD)
    asked = {gap.rule for gap in report.gaps}
    assert not asked & {"statistics-never-updated", "statistics-underconverged"}
