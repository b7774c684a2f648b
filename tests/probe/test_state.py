"""What one forward leaves behind: told apart from noise, named, and given back."""

from __future__ import annotations

import numpy
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from evalcheck import checks, checkup, rulebook
from evalcheck.finding import Unanswerable
from tests.guard.fingerprint import fingerprint

RULES = (
    "eval-mutates-buffers",
    "stateful-forward",
    "mode-latched",
    "mode-changed-in-forward",
    "eval-perturbs-training-rng",
    "batchnorm-double-update",
    "observer-active-in-eval",
    "mode-dependent-structure",
    "pinned-mode-lost",
    "unregistered-submodule",
)


def trial(model, size=16, count=4, scale=1.0):
    torch.manual_seed(7)
    return checkup.trial(model, [scale * torch.randn(size, 8) + 1 for _ in range(count)])


def seen(rule, subject):
    found = checks.find("probe", rule)(subject, dict(rulebook.find(rule).options))
    return list(found)


def asked(subject):
    """Every rule of this room with what it says, those that say nothing left out."""
    answers = {}
    for rule in RULES:
        try:
            answers[rule] = [sighting.strength for sighting in seen(rule, subject)]
        except Unanswerable as reason:
            answers[rule] = [str(reason)]
    return {rule: told for rule, told in answers.items() if told}


class Hidden(nn.Module):
    """A recurrent net that keeps its hidden state, in an attribute or in a buffer."""

    def __init__(self, buffer=False, batch=16):
        super().__init__()
        self.cell = nn.GRUCell(8, 8)
        if buffer:
            self.register_buffer("hidden", torch.zeros(batch, 8))
        else:
            self.hidden = torch.zeros(batch, 8)

    def forward(self, x):
        self.hidden = self.cell(x, self.hidden).detach()
        return self.hidden


class Resettable(Hidden):
    def reset(self):
        self.hidden = torch.zeros_like(self.hidden)


class Moving(nn.Module):
    def __init__(self, gated=False):
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))
        self.gated = gated

    def forward(self, x):
        if self.training or not self.gated:
            self.mean.mul_(0.9).add_(0.1 * x.detach().mean(0))
        return x - self.mean


class Jitter(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x) + float(numpy.random.rand())


def test_a_hidden_state_in_an_attribute_is_named_and_measured():
    found = seen("stateful-forward", trial(Hidden()))
    assert [s.place.module for s in found] == [""]
    assert "'hidden'" in found[0].message
    assert found[0].evidence[0].value > 0.01
    assert asked(trial(Hidden())).keys() == {"stateful-forward"}


def test_the_line_that_writes_it_is_told():
    place = seen("stateful-forward", trial(Hidden()))[0].place
    assert place.span is not None
    assert place.span.text == "self.hidden = self.cell(x, self.hidden).detach()"


def test_a_state_in_a_buffer_is_one_fault_and_not_two():
    assert asked(trial(Hidden(buffer=True))) == {"eval-mutates-buffers": ["usual"]}


def test_a_state_with_a_method_that_resets_it_is_only_a_note():
    found = seen("stateful-forward", trial(Resettable()))
    assert [s.strength for s in found] == ["slight"]
    assert "reset()" in found[0].message


def test_a_state_that_fits_one_batch_size_only_is_asked_on_batches_as_loaded():
    subject = trial(Hidden(batch=24), size=24)
    assert len(seen("stateful-forward", subject)) == 1
    assert subject.state.setup.batches[0].size == 24


def test_noise_is_no_state():
    subject = trial(nn.Sequential(nn.Linear(8, 8), Jitter()))
    assert subject.dependence.repetition(1e-5).size > 0.1
    assert asked(subject) == {}


def test_state_beside_noise_is_still_found():
    assert asked(trial(nn.Sequential(Jitter(), Moving()))) == {"eval-mutates-buffers": ["usual"]}


def test_noise_that_nothing_rewinds_leaves_a_gap():
    class Clock(nn.Linear):
        def forward(self, x):
            return super().forward(x) + float(numpy.random.default_rng().random())

    with pytest.raises(Unanswerable, match="put back"):
        seen("stateful-forward", trial(Clock(8, 8)))


def test_a_moving_buffer_is_an_error_and_a_gated_one_is_not():
    found = seen("eval-mutates-buffers", trial(nn.Sequential(nn.Linear(8, 8), Moving())))
    assert [(s.place.module, s.strength) for s in found] == [("1", "usual")]
    assert "'1.mean'" in found[0].message
    assert asked(trial(nn.Sequential(nn.Linear(8, 8), Moving(gated=True)))) == {}


def test_of_several_buffers_those_that_matter_are_named():
    class Two(Moving):
        def __init__(self):
            super().__init__()
            self.register_buffer("idle", torch.zeros(()))

        def forward(self, x):
            self.idle += x.detach().mean()
            return super().forward(x)

    message = seen("eval-mutates-buffers", trial(Two()))[0].message
    assert "'mean'" in message
    assert "idle" not in message


def test_an_eval_forward_that_writes_weights_once_does_not_confuse_the_runs_after_it():
    class Initialised(nn.Module):
        """Its first forward sets the weights by its data, and says so in a buffer."""

        def __init__(self, done):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(8))
            self.register_buffer("done", torch.tensor(done))

        def forward(self, x):
            if not self.done:
                self.scale.data.copy_(1 / x.std(0))
                self.done.fill_(True)
            return x * self.scale

    model = Initialised(done=False)
    subject = trial(model)
    before = fingerprint(model)
    assert asked(subject) == {"eval-mutates-buffers": ["usual"]}
    assert fingerprint(model) == before
    assert asked(trial(Initialised(done=True))) == {}


def test_what_an_object_on_the_module_keeps_is_state_too():
    class Cache:
        def __init__(self):
            self.rows = []

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cache = Cache()

        def forward(self, x):
            self.cache.rows.append(x.mean())
            return x + len(self.cache.rows)

    found = seen("stateful-forward", trial(Net()))
    assert "'cache'" in found[0].message


def test_what_eval_writes_and_train_reads_is_latched():
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.drop = torch.ones(()), nn.Dropout(0.5)

        def forward(self, x):
            if not self.training:
                self.scale = x.std()
            return self.drop(x) * self.scale

    found = seen("mode-latched", trial(nn.Sequential(nn.Linear(8, 8), Gate()), scale=3))
    assert [(s.place.module, s.strength) for s in found] == [("1", "grave")]
    assert "'1.scale'" in found[0].message


def test_a_forward_that_leaves_another_mode_is_caught_with_its_line():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5))

        def forward(self, x):
            self.part.train()
            return self.part(x)

    found = seen("mode-changed-in-forward", trial(Net()))
    assert [s.place.module for s in found] == ["part"]
    assert found[0].place.span.text == "self.part.train()"


def test_a_mode_that_is_put_back_and_a_frozen_teacher_are_silent():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.teacher = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5)).requires_grad_(False)
            self.student = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5))

        def forward(self, x):
            was = self.training
            self.teacher.eval()
            self.student.eval()
            y = self.student(x) - self.teacher(x)
            self.student.train(was)
            return y

    assert seen("mode-changed-in-forward", trial(Net())) == []


@pytest.mark.parametrize("reentrant", [True, False])
def test_recomputed_norms_are_counted_and_gradients_left_alone(reentrant):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Linear(8, 8)
            self.block = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8))
            self.last = nn.BatchNorm1d(8)

        def forward(self, x):
            return self.last(checkpoint(self.block, self.stem(x), use_reentrant=reentrant))

    model, calls = Net(), []
    model(torch.randn(4, 8)).sum().backward()
    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(lambda p: calls.append(p))
    subject = trial(model)
    before = fingerprint(model)
    found = seen("batchnorm-double-update", subject)
    assert fingerprint(model) == before
    assert calls == []
    assert [s.place.module for s in found] == ["block.1"]
    assert "acts as 0.19" in found[0].message


def test_a_norm_run_twice_on_one_input_is_a_hypothesis_and_on_two_is_fine():
    class Net(nn.Module):
        def __init__(self, same):
            super().__init__()
            self.norm, self.same = nn.BatchNorm1d(8), same

        def forward(self, x):
            return self.norm(x) + self.norm(x if self.same else 2 * x)

    assert [s.strength for s in seen("batchnorm-double-update", trial(Net(True)))] == ["slight"]
    assert seen("batchnorm-double-update", trial(Net(False))) == []


def test_hidden_dropout_is_measured_and_hidden_weights_are_never_cleared():
    class Net(nn.Module):
        def __init__(self, *hidden):
            super().__init__()
            self.first, self.more = nn.Linear(8, 8), list(hidden)

        def forward(self, x):
            x = self.first(x)
            for layer in self.more:
                x = layer(x)
            return x

    noisy = seen("unregistered-submodule", trial(Net(nn.Linear(8, 8), nn.Dropout(0.5))))
    assert [s.strength for s in noisy] == ["usual"]
    assert "new in every pass" in noisy[0].message
    biased = seen("unregistered-submodule", trial(Net(nn.BatchNorm1d(8))))
    assert "new in every pass" not in biased[0].message
    plain = seen("unregistered-submodule", trial(Net(nn.Linear(8, 8))))
    assert [s.strength for s in plain] == ["usual"]
    assert "no state_dict()" in plain[0].message


def test_pinned_norms_are_measured_with_the_modes_as_they_were_given():
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    model[1].eval()
    found = seen("pinned-mode-lost", trial(model, scale=3))
    assert [s.place.module for s in found] == ["1"]
    assert found[0].evidence[0].value > 0.1
    assert seen("pinned-mode-lost", trial(model.eval())) == []


def test_draws_without_effect_are_a_note_with_their_module():
    class Wasteful(nn.Module):
        def forward(self, x):
            noise = torch.randn_like(x)
            return x + noise if self.training else x

    found = seen("eval-perturbs-training-rng", trial(nn.Sequential(nn.Linear(8, 8), Wasteful())))
    assert [s.place.module for s in found] == ["1"]
    assert "torch's" in found[0].message


@pytest.mark.parametrize("seed", range(3))
def test_healthy_models_are_silent_and_cheap(seed):
    class Rotary(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("table", None, persistent=False)
            self.longest, self.attention = 0, nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            x = x[:, None].expand(-1, 4 + seed, -1)
            if x.shape[1] > self.longest:
                self.longest = x.shape[1]
                self.table = torch.arange(self.longest)[:, None].float().cos()
            x = x * self.table
            return self.attention(x, x, x)[0].mean(1)

    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), Rotary(), nn.utils.spectral_norm(nn.Linear(8, 3))
    )
    subject = trial(model, size=64, count=8)
    before = fingerprint(model)
    assert asked(subject) == {}
    assert fingerprint(model) == before
    assert subject.run.samples_run <= 0.5 * 512


def test_the_fast_path_of_transformers_is_the_same_in_all_runs():
    class Padded(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2)

        def forward(self, x):
            padded = torch.arange(4) >= 2 + (x[:, :1] > 0)
            return self.encoder(x[:, None].expand(-1, 4, -1), src_key_padding_mask=padded)

    subject = trial(Padded())
    assert asked(subject) == {}
    assert subject.state.carried.size == 0


def test_everything_is_given_back_where_a_forward_raises():
    class Breaks(Moving):
        def forward(self, x):
            super().forward(x)
            self.extra = 1
            self.eval()
            if torch.is_grad_enabled():
                raise RuntimeError("no")
            return super().forward(x)

    model = nn.Sequential(nn.BatchNorm1d(8), Breaks())
    subject = trial(model)
    before = fingerprint(model)
    assert "no" in asked(subject)["batchnorm-double-update"][0]
    assert fingerprint(model) == before
