"""A network that reads its answer off its batch is told from one that batch norm couples a little."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evalcheck import checks, rulebook
from evalcheck.finding import Unanswerable
from evalcheck.probe import Trial, draw
from tests.guard.fingerprint import fingerprint
from tests.probe.custom_nets import Drop, Mixup, OwnNorm, around, trial
from tests.probe.nets import CLASSES, FEATURES, batches, data, mlp, trained


def sightings(subject):
    rule = rulebook.find("train-batch-leak")
    return list(checks.find("probe", rule.name)(subject, dict(rule.options)))


def of_one_class(count=512, seed=5, size=32):
    """Batches of one class each, in a random order."""
    x, y = data(count, seed)
    order = y.argsort(stable=True)
    loader = list(zip(x[order].split(size), y[order].split(size), strict=True))
    shuffle = torch.randperm(len(loader), generator=torch.Generator().manual_seed(0))
    return [loader[index] for index in shuffle.tolist()]


def on(model, feed, held=None):
    pools = (
        draw(loader, model, name, device=torch.device("cpu"))
        for loader, name in ((held or batches(512, 2), "held"), (feed, "feed"))
    )
    return Trial(model, *pools)


@pytest.fixture(scope="module")
def cheat():
    """Trained on batches of one class until it leans on them."""
    return trained(mlp(width=128), sort=True, size=32, epochs=40)


def test_homogeneous_batches_that_the_model_leans_on_are_found(cheat):
    """The three curves: as loaded, mixed, eval mode."""
    (seen,) = sightings(on(cheat, of_one_class()))
    assert "when the same samples are mixed" in seen.message
    lost = {measure.what: measure.value for measure in seen.evidence}
    assert lost["loss lost when batches are mixed"] > 0.2
    assert lost["loss lost in eval mode"] > 0.1


def test_the_same_model_fed_mixed_batches_gives_nothing_to_say(cheat):
    """The batches of training are not known then."""
    assert sightings(on(cheat, batches(512, 5))) == []


def test_homogeneous_batches_of_a_model_that_never_saw_them_are_no_leak():
    """A loader that does not shuffle, given as the training loader: batches of one class are only worse."""
    assert sightings(on(trained(mlp()), of_one_class())) == []


def test_without_targets_a_material_order_is_a_gap(cheat):
    feed, held = ([x for x, _ in loader] for loader in (of_one_class(), batches(512, 2)))
    with pytest.raises(Unanswerable, match="without targets"):
        sightings(on(cheat, feed, held))


class Smooth(nn.Module):
    """Averages over four neighbours while training."""

    def forward(self, x):
        return x.view(-1, 4, FEATURES).mean(1).repeat_interleave(4, 0) if self.training else x


def tracks(count, seed):
    """Noisy samples, four of one class after each other."""
    draws = torch.Generator().manual_seed(seed)
    centres = torch.randn(CLASSES, FEATURES, generator=torch.Generator().manual_seed(8))
    y = torch.randint(0, CLASSES, (count // 4,), generator=draws).repeat_interleave(4)
    x = 2 * torch.randn(count, FEATURES, generator=draws) + centres[y]
    return list(zip(x.split(32), y.split(32), strict=True))


def test_a_layer_that_mixes_samples_in_train_mode_only_is_named():
    torch.manual_seed(0)
    model = nn.Sequential(Smooth(), *around(nn.Identity()))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(15):
        for x, y in tracks(512, 1):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    (seen,) = sightings(on(model, tracks(512, 5), tracks(512, 2)))
    assert seen.place.module == "0"


HEALTHY = {
    "batch norm": lambda: mlp(),
    "batch norm and dropout": lambda: mlp(after=0.3),
    "a norm of one's own": lambda: around(OwnNorm()),
    "dropout of one's own": lambda: around(Drop(scaled=True)),
    "mixup": lambda: nn.Sequential(Mixup(), *mlp()),
    "no norm": lambda: mlp(norm=nn.LayerNorm),
}


@pytest.mark.parametrize("size", [8, 32])
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_model_is_silent(name, size):
    """Batch statistics couple samples a little, augmentation may mix them: eval mode is as good."""
    model = trained(HEALTHY[name](), epochs=6, size=32)
    assert sightings(on(model, batches(512, 5, size), batches(512, 2, size))) == []


def test_what_eval_mode_couples_too_is_another_fault():
    """Then the eval output depends on the batch, and that rule speaks."""

    class Always(nn.Module):
        def forward(self, x):
            return x - x.mean(0) * (2 if self.training else 1)

    assert trial(trained(around(Always()), epochs=3)).leak.mates is None


def test_the_model_is_left_as_it_was(cheat):
    before, state = fingerprint(cheat), torch.get_rng_state()
    sightings(on(cheat, of_one_class()))
    assert torch.equal(torch.get_rng_state(), state)
    assert fingerprint(cheat) == before
