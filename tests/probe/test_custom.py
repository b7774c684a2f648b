"""Modules of the user's own that shift the mean of train mode are found; those that add noise are not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evalcheck import checks, rulebook
from tests.guard.fingerprint import fingerprint
from tests.probe.custom_nets import (
    Auxiliary,
    Drop,
    Flip,
    Gain,
    Mixup,
    Noise,
    OwnNorm,
    Path,
    around,
    branched,
    trial,
)
from tests.probe.nets import CLASSES, batches, mlp, trained


def sightings(subject):
    rule = rulebook.find("expectation-shift")
    return list(checks.find("probe", rule.name)(subject, dict(rule.options)))


HEALTHY = {
    "batch norm": lambda: mlp(),
    "torch's dropout": lambda: mlp(norm=nn.LayerNorm, after=0.5),
    "dropout with its factor": lambda: around(Drop(scaled=True)),
    "stochastic depth": lambda: branched(lambda: Path(0.3)),
    "stochastic depth in place": lambda: branched(lambda: Path(0.2, inplace=True)),
    "noise": lambda: around(Noise()),
    "mixup": lambda: nn.Sequential(Mixup(), *mlp(norm=nn.LayerNorm)),
    "augmentation": lambda: nn.Sequential(Flip(), *mlp(norm=nn.LayerNorm)),
    "a gain that a norm takes out": lambda: around(Gain(), nn.GroupNorm(4, 32)),
    "a norm of one's own": lambda: around(OwnNorm()),
}


@pytest.mark.parametrize("targets", [True, False])
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_module_is_silent(name, targets):
    """With targets and without: noise bends the mean a little, and augmentation shifts it on purpose."""
    assert sightings(trial(trained(HEALTHY[name]()), targets=targets)) == []


def test_outputs_that_only_train_mode_gives_are_left_aside():
    """An auxiliary head is no shift of the head that both modes have."""
    model = Auxiliary()
    model.net = trained(mlp(norm=nn.LayerNorm))
    subject = trial(model)
    assert subject.way.custom.beyond < 1e-6
    assert sightings(subject) == []


FAULTY = {
    "dropout": (lambda: around(Drop(0.5)), {"2"}, 0.5),
    "dropout in front of a batch norm": (lambda: around(Drop(0.5), nn.BatchNorm1d(32)), {"2"}, 0.5),
    "stochastic depth": (
        lambda: branched(lambda: Path(0.5, scaled=False)),
        {"1.path", "2.path", "3.path", "4.path"},
        0.5,
    ),
    "gain": (lambda: around(Gain()), {"2"}, 1.8),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_module_without_its_factor_is_named_with_it(name):
    """The step is material, the culprits are all of them, and the gain is the factor that was forgotten."""
    build, modules, factor = FAULTY[name]
    subject = trial(trained(build()), targets=False)
    custom = subject.way.custom
    assert custom.step.size(subject.unit) > 0.03
    assert set(custom.culprits) == modules
    for path in modules:
        gain = custom.gains[path]
        assert abs(gain.gain - factor) < 4 * gain.error + 1e-6
    (seen,) = sightings(subject)
    assert {place.module for place in seen.places} == modules
    low, high = custom.interval(subject.unit)
    assert low < custom.step.size(subject.unit) < high


def test_making_the_factor_good_takes_the_shift_away():
    """Eval mode times the measured gain is where train mode's mean is."""
    subject = trial(trained(around(Drop(0.5))))
    custom = subject.way.custom
    left = custom.left
    assert left.size(subject.unit) < 0.1 * custom.step.size(subject.unit)


class Cached(nn.Module):
    """Fills a list that it is given: run twice on one input it is another module."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x):
        seen = [] if not self.training else [1]
        return self.head(x) * (1 + len(seen))


def test_a_fault_in_the_models_own_forward_is_the_models():
    torch.manual_seed(0)
    subject = trial(trained(Cached()), targets=False)
    assert subject.way.custom.culprits == ("",)
    (seen,) = sightings(subject)
    assert seen.place.module == ""


class Stacking(nn.Module):
    """Keeps what it was given in the caller's list, as a cache of keys does: it cannot run twice."""

    def forward(self, x, kept):
        kept.append(x)
        if len(kept) > 1:
            raise RuntimeError("filled")
        return x if not self.training else 2 * x


class Holding(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = Stacking(), nn.Linear(12, CLASSES)
        self.kept = None

    def forward(self, x):
        self.kept = []
        return self.head(self.body(x, self.kept))


def test_a_module_that_cannot_run_twice_is_blamed_by_waking_it():
    """It has no gain of its own, but it is the only one that can be meant."""
    subject = trial(trained(Holding()), targets=False)
    custom = subject.way.custom
    assert custom.gains == {"body": None}
    assert custom.culprits == ("body",)
    assert sightings(subject) == [], "nothing shows that it is a fault"


@pytest.mark.parametrize("build", [lambda: mlp(), lambda: mlp(norm=nn.LayerNorm, after=0.3)])
def test_models_without_such_modules_cost_no_run(build):
    subject = trial(trained(build(), epochs=3))
    _ = subject.passes.trained, subject.reference
    before = subject.run.samples_run
    assert subject.way.custom.step is None
    assert subject.run.samples_run - before <= 32, "one small forward that watches"


def test_everything_costs_a_few_forwards_of_the_pool():
    """Sixteen modules are no dearer than one."""
    subject = trial(trained(branched(lambda: Path(0.5, scaled=False)), epochs=3))
    _ = subject.evaluated, subject.passes.trained, subject.reference
    before = subject.run.samples_run
    custom = subject.way.custom
    _ = custom.culprits, custom.rescaled
    assert (subject.run.samples_run - before) / subject.held.samples < 4.5


def test_what_dropout_does_to_the_mean_is_explained():
    """A transformer's mean bends by some percent of its variance; no module is to be looked for."""
    layer = nn.TransformerEncoderLayer(12, 2, 32, dropout=0.4, batch_first=True)
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Unflatten(1, (1, 12)), nn.TransformerEncoder(layer, 2), nn.Flatten(), nn.Linear(12, 4)
    )
    assert trial(model).unexplained == 0.0
    assert trial(trained(around(Gain()))).unexplained > 0.2


@pytest.mark.parametrize("broken", [False, True])
def test_the_model_and_the_generators_are_left_as_they_were(broken):
    """On every path, also where a module refuses a second run."""
    model = Holding() if broken else around(Drop(0.5), nn.BatchNorm1d(32))
    trained(model, epochs=2)
    with torch.no_grad():
        model(batches(4, 9)[0][0])
    print_of, state = fingerprint(model), torch.get_rng_state()
    subject = trial(model)
    custom = subject.way.custom
    _ = custom.step, custom.culprits, custom.rescaled, custom.unexplained, subject.leak.mates
    assert fingerprint(model) == print_of
    assert torch.equal(torch.get_rng_state(), state)


def test_a_model_that_refuses_train_mode_has_no_such_step():
    """It is a gap of what needs train mode, and no crash of the way."""

    class Picky(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(12, CLASSES)

        def forward(self, x):
            if self.training:
                raise ValueError("targets are needed in train mode")
            return self.head(x)

    subject = trial(Picky())
    assert subject.way.custom.step is None
    assert subject.steps == []
