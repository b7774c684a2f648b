"""Which module makes train mode's noise and bias: gates agree with toggling and with closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import evalcheck
from evalcheck.probe.attribution import stochastic_shares
from tests.guard.fingerprint import fingerprint
from tests.probe.custom_nets import Drop, OwnNorm, Path, around, branched, trial
from tests.probe.nets import CLASSES, FEATURES, batches, mlp, trained


def shares(model, exact=True, **options):
    subject = trial(model, exact=exact, **options)
    return {reading.module: reading for reading in subject.stochastic}


def test_noise_shares_are_those_of_the_closed_form():
    """Dropout at the input of a linear map: each of two halves puts q / (1 - q) sum w² x² into the output."""

    class Halves(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Dropout(0.2), nn.Dropout(0.5)
            self.head = nn.Linear(FEATURES, CLASSES)

        def forward(self, x):
            left, right = x.chunk(2, 1)
            return self.head(torch.cat([self.one(left), self.two(right)], 1))

    model = trained(Halves())
    found = shares(model)
    x = torch.cat([x for x, _ in batches(512, 2)])[:64]
    weights = model.head.weight.square().sum(0)
    parts = (x.square() * weights).mean(0).detach()
    one, two = 0.25 * float(parts[:6].sum()), 1.0 * float(parts[6:].sum())
    assert abs(found["one"].noise_share - one / (one + two)) < 0.1
    assert abs(found["one"].exact - one / (one + two)) < 0.15
    assert (found["one"].rate, found["two"].rate, found["two"].kind) == (0.2, 0.5, "Dropout")


@pytest.mark.parametrize("culprit", ["0", "3", "6"])
def test_the_noisiest_of_several_comes_first(culprit):
    """One dropout layer at a high rate among ones at a low rate, in a net that was trained so."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.05), nn.Linear(FEATURES, 32), nn.ReLU(), nn.Dropout(0.05))
    model.extend([nn.Linear(32, 32), nn.ReLU(), nn.Dropout(0.05), nn.Linear(32, CLASSES)])
    model[int(culprit)].p = 0.6
    readings = trial(trained(model), exact=True).stochastic
    assert readings[0].module == culprit
    assert readings[0].exact == max(reading.exact for reading in readings)
    assert abs(sum(reading.noise_share for reading in readings) - 1) < 1e-6


def test_the_layers_inside_attentions_fast_path_are_seen():
    """In eval mode, without gradients, a transformer's layer is one kernel that passes by its children."""
    layer = nn.TransformerEncoderLayer(12, 2, 32, dropout=0.0, batch_first=True)
    layer.dropout1.p = 0.5
    unflatten = nn.Unflatten(1, (1, 12))
    model = nn.Sequential(unflatten, nn.TransformerEncoder(layer, 1), nn.Flatten(), nn.Linear(12, CLASSES))
    found = shares(trained(model))
    assert set(found) == {"1.layers.0.dropout1"}
    assert found["1.layers.0.dropout1"].exact == pytest.approx(1.0)


def test_the_bias_is_blamed_on_the_module_that_forgets_its_factor():
    """Its neighbour makes as much noise, and no bias."""
    model = nn.Sequential(nn.Linear(FEATURES, 32), nn.ReLU(), Drop(0.4, scaled=False), nn.Linear(32, 32))
    model.extend([nn.ReLU(), Drop(0.4, scaled=True), nn.Linear(32, CLASSES)])
    found = shares(trained(model), exact=False)
    assert found["2"].bias_share > 0.8
    assert found["5"].bias_share < 0.2
    assert found["2"].exact is None


def test_what_makes_no_noise_has_no_share():
    """Dropout at rate zero is not asked; a norm that asks for the mode of its own accord draws nothing."""
    assert "2" not in shares(trained(around(nn.Dropout(0.0))))
    readings = shares(trained(around(OwnNorm())))
    assert readings["2"].noise_share in (0.0, 1.0)


def test_little_noise_is_not_shared_out_unless_asked():
    """A healthy model pays nothing for the table."""
    model = trained(branched(lambda: Path(0.1)))
    assert trial(model).stochastic == ()
    assert len(trial(model, exact=True).stochastic) == 4


def test_the_noise_of_loops_and_sequences_is_shared_out_too():
    """Rows of a module's output need not be samples: windows, time first, several calls."""

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.cell = nn.Dropout(0.5), nn.GRU(1, 16, num_layers=2, dropout=0.3)
            self.head = nn.Linear(16, CLASSES)

        def forward(self, x):
            out, _ = self.cell(x.T.unsqueeze(2))
            return self.head(self.drop(out[-1]) + self.drop(out[-2]))

    found = shares(trained(Recurrent(), epochs=3))
    assert set(found) == {"drop", "cell"}
    assert all(reading.noise_share > 0.02 for reading in found.values())
    assert abs(found["drop"].noise_share - found["drop"].exact) < 0.25


def test_a_module_that_cannot_run_twice_is_left_out():
    class Picky(nn.Dropout):
        def forward(self, x):
            if self.training and torch.is_grad_enabled():
                raise RuntimeError
            return super().forward(x)

    model = nn.Sequential(
        nn.Linear(FEATURES, 32), Picky(0.5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, CLASSES)
    )
    torch.manual_seed(0)
    with torch.no_grad():
        model(torch.zeros(2, FEATURES))
    assert set(shares(model)) == {"3"}


def test_the_table_costs_less_than_three_forwards_whatever_the_depth():
    """Counted in samples that go through the model; a backward is two forwards."""
    subject = trial(trained(mlp(norm=nn.LayerNorm, after=0.5)))
    custom = subject.way.custom
    assert custom.noise > stochastic_shares.NOISY
    _ = subject.evaluated
    before = subject.run.samples_run
    assert subject.stochastic
    forwards = (subject.run.samples_run - before) / subject.held.samples
    assert forwards * (1 + 2 * 2) <= 3, "two backwards behind each forward"


def test_the_model_is_left_as_it_was():
    model = trained(around(Drop(0.5), nn.BatchNorm1d(32)))
    before = fingerprint(model)
    subject = trial(model, exact=True)
    _ = subject.stochastic, subject.layers
    assert fingerprint(model) == before


def test_the_report_holds_the_table():
    """As data; people see it who ask for everything."""
    report = evalcheck.check(trained(mlp(norm=nn.LayerNorm, after=0.6)), batches(512, 2), batches(512, 5))
    assert {reading.module for reading in report.measurements.stochastic} == {"3", "7"}
