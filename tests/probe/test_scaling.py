"""The gradient noise scale against known truth, and a metric over batch sizes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from evalcheck import Complaint, checkup
from evalcheck.finding import Unanswerable
from evalcheck.probe.scaling import gradient_noise, metric_curve, scaling
from evalcheck.probe.scaling.collected import Collected
from tests.guard.fingerprint import fingerprint
from tests.probe.nets import batches, mlp, trained

HELD, FEED = batches(256, 2), batches(256, 5)


def drawn(scale, seed, groups=16, size=8, width=300):
    """Inner products of groups' mean gradients whose true noise scale is ``scale``."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.ones(width, dtype=torch.float64)
    spread = torch.linspace(0.2, 2.0, width, dtype=torch.float64)
    spread *= (scale * width / spread.square().sum()).sqrt()
    noise = torch.randn(groups, size, width, generator=generator, dtype=torch.float64) * spread
    means = truth + noise.mean(1)
    return means @ means.T


@pytest.mark.parametrize("scale", [4.0, 44.0, 100.0])
def test_the_noise_scale_is_that_of_known_gradients(scale):
    """Median over draws within a tenth; 95 % intervals hold the truth nine times in ten or more."""
    found = [gradient_noise.noise_scale(drawn(scale, seed), 8) for seed in range(60)]
    median = torch.tensor([one.scale for one in found]).median()
    assert abs(median - scale) < 0.1 * scale
    held = sum(one.interval[0] <= scale <= one.interval[1] for one in found)
    assert held >= 54


def test_both_parts_are_unbiased():
    """Of two small groups, where a plug-in estimate would be far off."""
    found = [gradient_noise.squares(drawn(50.0, seed, groups=2, size=2), 2) for seed in range(400)]
    mean = sum(one.mean for one in found) / len(found)
    noise = sum(one.noise for one in found) / len(found)
    assert abs(mean - 300) < 30
    assert abs(noise - 50 * 300) < 1000


def test_a_mean_that_is_lost_in_noise_is_refused_with_a_lower_bound():
    with pytest.raises(Unanswerable, match="does not stand out of its noise: the noise scale is above"):
        gradient_noise.noise_scale(drawn(1e5, 0), 8)


def test_few_groups_are_refused():
    with pytest.raises(Unanswerable, match="groups"):
        gradient_noise.noise_scale(drawn(4.0, 0, groups=3), 8)


def untrained():
    torch.manual_seed(0)
    return trained(mlp(after=0.3), epochs=1)


def test_the_model_s_noise_scale_is_that_of_its_samples_gradients():
    """Against one gradient per sample, whose variance and mean are taken directly."""
    model = untrained()
    trial = checkup.trial(model, HELD, FEED)
    found = trial.scaling.noise
    model.eval()
    x = torch.cat([x for x, _ in FEED])[:128]
    y = torch.cat([y for _, y in FEED])[:128]
    each = []
    for row, target in zip(x.split(1), y.split(1), strict=True):
        gradients = torch.autograd.grad(F.cross_entropy(model(row), target), list(model.parameters()))
        each.append(torch.cat([g.flatten() for g in gradients]).double())
    gradients = torch.stack(each)
    noise = gradients.var(0, correction=1).sum()
    mean = gradients.mean(0).square().sum() - noise / 128
    assert found.interval[0] < float(noise / mean) < found.interval[1]
    assert (found.group, found.samples) == (8, 128)


def test_a_part_of_a_large_model_s_gradient_stands_for_it(monkeypatch):
    whole = checkup.trial(untrained(), HELD, FEED).scaling.noise
    monkeypatch.setattr(scaling, "KEPT", 16 * 400)
    part = checkup.trial(untrained(), HELD, FEED).scaling.noise
    assert part.scale == pytest.approx(whole.scale, rel=0.3)


def test_asking_leaves_the_model_as_it_was_and_costs_no_more_than_is_said():
    model = untrained()
    before = fingerprint(model)
    trial = checkup.trial(model, HELD, FEED, metric=F.cross_entropy)
    _ = trial.scaling.noise
    assert trial.run.samples_run == 128
    _ = trial.scaling.curve
    assert trial.run.samples_run == 128 + 256
    assert fingerprint(model) == before


def test_without_targets_or_trained_parameters_there_is_no_noise_scale():
    with pytest.raises(Unanswerable, match="targets"):
        _ = checkup.trial(untrained(), [x for x, _ in HELD]).scaling.noise
    frozen = untrained().requires_grad_(False)
    with pytest.raises(Unanswerable, match="trained"):
        _ = checkup.trial(frozen, HELD, FEED).scaling.noise


def of_batches(outputs, targets, size=10):
    pairs = zip(outputs.split(size), targets.split(size), strict=True)
    return Collected.of([(o, t, len(t)) for o, t in pairs])


@settings(max_examples=30, deadline=None)
@given(count=st.integers(4, 97), size=st.integers(1, 40), seed=st.integers(0, 99))
def test_a_mean_per_sample_does_not_depend_on_the_batch_size(count, size, seed):
    """Whatever the sizes, the last batch's too."""
    generator = torch.Generator().manual_seed(seed)
    outputs, targets = torch.randn(count, 3, generator=generator), torch.zeros(count, dtype=torch.long)
    curve = metric_curve.curve(of_batches(outputs, targets), F.cross_entropy, size)
    assert curve.change < 1e-5
    assert all(value == pytest.approx(curve.whole, rel=1e-4) for _, value in curve.points)


def rmse(outputs, targets):
    return (outputs - targets).square().mean().sqrt()


def test_a_root_of_a_mean_depends_on_it():
    torch.manual_seed(0)
    curve = metric_curve.curve(of_batches(torch.randn(200), torch.randn(200)), rmse, 4)
    assert curve.change > 0.02
    assert curve.beyond_chance
    values = [value for _, value in curve.points]
    assert values == sorted(values)


def refusing(outputs, targets):
    if len(set(targets.tolist())) < 2:
        raise ValueError("only one class")
    return outputs.mean()


def test_sizes_that_the_metric_refuses_are_no_number():
    """A score of two classes needs both; where the judged size is refused too, nothing is said."""
    outputs, targets = torch.ones(200), (torch.arange(200) % 2).long()
    curve = metric_curve.curve(of_batches(outputs, targets), refusing, 50)
    assert torch.tensor(curve.points[0][1]).isnan()
    assert curve.change == 0
    with pytest.raises(Unanswerable, match="batches of 1 samples"):
        metric_curve.curve(of_batches(outputs, targets), refusing, 1)


def test_containers_are_cut_as_they_are():
    """Dicts, tuples and what has no row per sample."""
    parts = [
        ({"a": torch.arange(3) + 3 * i, "loss": torch.tensor(0.5)}, (torch.arange(3),), 3) for i in (0, 1)
    ]
    outputs, targets = Collected.of(parts).rows(torch.tensor([1, 4]))
    assert outputs["a"].tolist() == [1, 4]
    assert float(outputs["loss"]) == 0.5
    assert targets[0].tolist() == [1, 1]


def test_a_metric_that_always_raises_is_the_user_s_to_hear():
    def broken(outputs, targets):
        raise TypeError("no")

    trial = checkup.trial(untrained(), HELD, FEED, metric=broken)
    with pytest.raises(Complaint):
        _ = trial.evaluated
