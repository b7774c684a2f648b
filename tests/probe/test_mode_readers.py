"""Which modules ask for the mode is seen from a forward that runs, and nothing is left behind."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from evalcheck.batch import bind
from evalcheck.probe.running import mode_readers
from evalcheck.probe.running.runner import Runner
from tests.guard.fingerprint import fingerprint
from tests.probe.custom_nets import Auxiliary, Drop, OwnNorm, around
from tests.probe.nets import FEATURES


def readers(model):
    x = torch.randn(8, FEATURES, generator=torch.Generator().manual_seed(0))
    batch = bind(x, model)
    return set(mode_readers.readers(model, Runner(model, 0), batch))


def test_modules_of_the_users_own_are_named_and_torchs_are_not():
    """Dropout, norms, attention and recurrent nets of torch ask too, and are no concern."""
    assert readers(around(Drop())) == {"2"}
    assert readers(around(OwnNorm(), nn.BatchNorm1d(32))) == {"2"}
    assert readers(around(nn.Dropout(0.5), nn.BatchNorm1d(32))) == set()
    assert readers(Auxiliary()) == {""}


def test_a_norm_with_a_forward_of_its_own_is_a_norm():
    class Activated(nn.BatchNorm1d):
        def forward(self, x):
            x = super().forward(x)
            return torch.relu_(x) if self.training else torch.relu(x)

    assert readers(around(nn.Identity(), Activated(32))) == set()


def test_scripted_modules_run_on_and_are_not_seen():
    class Plain(nn.Module):
        def forward(self, x):
            if self.training:
                return x * 2
            return x

    assert readers(around(torch.jit.script(Plain()))) == set()


def test_what_is_read_and_written_is_the_attribute_itself():
    """A forward may set a mode, too; a class may have a property of that name."""

    class Owner(nn.Module):
        @property
        def training(self):
            return True

        @training.setter
        def training(self, value):
            pass

    module = nn.Linear(2, 2)
    with mode_readers.watched() as seen:
        assert module.training is True
        module.training = False
        assert module.training is False
        module.train()
        assert module.training is True
        assert Owner().training is True
        with pytest.raises(AttributeError):
            nn.Module.__new__(nn.Linear).training  # noqa: B018 (it has none yet)
    assert seen[id(module)] == 3
    assert module.__dict__["training"] is True
    assert "training" not in nn.Module.__dict__


def test_nothing_is_left_on_the_class_after_an_exception():
    class Broken(nn.Module):
        def forward(self, x):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        readers(Broken())
    assert "training" not in nn.Module.__dict__


def test_watchers_in_several_threads_do_not_leave_each_others_patch():
    model = around(Drop())
    found = []
    threads = [threading.Thread(target=lambda: found.append(readers(model))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"2"}] * 4
    assert "training" not in nn.Module.__dict__


def test_the_model_is_left_as_it_was():
    model = around(OwnNorm(), nn.BatchNorm1d(32))
    before = fingerprint(model)
    readers(model)
    assert fingerprint(model) == before
