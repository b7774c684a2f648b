"""The lines of code on the page of remedies do what the remedies do."""

import copy
import re
import textwrap
from pathlib import Path

import torch
from torch import nn

import evalcheck
from evalcheck.remedies import untried
from evalcheck.rulebook import load
from tests.probe.nets import Shared, batches
from tests.remedies.normed_nets import FEED, broken, dropped, plain, shared, slow, untracked

HELD = batches(256, 2)
PAGE = (Path(__file__).parents[2] / "docs" / "remedies.md").read_text()
BLOCKS = {int(n): code for n, code in re.findall(r"```python\n(?=# (\d))(.*?)```", PAGE, re.DOTALL)}


def execute(number, **names):
    found = {"nn": nn, "torch": torch, "copy": copy, "evalcheck": evalcheck, "train_loader": FEED, **names}
    with torch.no_grad():
        exec(BLOCKS[number], found)


def loss(model):
    model.eval()
    with torch.no_grad():
        return float(torch.stack([nn.functional.cross_entropy(model(x), y) for x, y in HELD]).mean())


def test_every_remedy_that_a_page_names_stands_in_the_tables():
    named = {name for rule in load().values() for name in rule.remedies} - {*untried.ADVICE}
    assert named <= {line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")}


def test_1_takes_the_start_out():
    model, whole = slow(0.5), plain()
    execute(1, model=model)
    for at in (1, 4):
        assert torch.allclose(model[at].running_var, whole[at].running_var, rtol=0.03, atol=1e-3)
        assert torch.allclose(model[at].running_mean, whole[at].running_mean, rtol=0.03, atol=1e-3)


def test_2_takes_the_dropout_out():
    model = dropped().eval()
    place = next(i for i, m in enumerate(model) if isinstance(m, nn.BatchNorm1d))
    x = torch.cat([x for x, _ in FEED])
    with torch.no_grad():
        given = model[: place - 1](x)
    wide = model[place].running_var.clone()
    execute(2, p=model[place - 1].p, x=given, norm=model[place])
    true = given.var(0)
    assert (model[place].running_var / true).log().abs().mean() < 0.5 * (wide / true).log().abs().mean()


class Apart(Shared):
    def forward(self, x):
        one = torch.relu(self.norms[0](self.embed(x)))
        two = torch.relu(self.norms[1](self.embed(0.1 * x + 4)))
        return self.head(one + two)


def test_3_gives_each_call_a_norm():
    old, model = shared(), Apart()
    model.load_state_dict(old.state_dict())
    execute(3, model=model)
    assert loss(model) < 0.7 * loss(old)


def test_4_fills_statistics_that_old_weights_lack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    old, model = untracked(), plain()
    torch.save(old.state_dict(), "in.pt")
    for at in (1, 4):
        model[at].reset_running_stats()
    execute(4, model=model)
    assert loss(model) < 1.2 * loss(plain())


def test_5_keeps_frozen_norms_asleep():
    names = {"nn": nn}
    exec("class Asleep(nn.Module):\n" + textwrap.indent(BLOCKS[5], "    "), names)
    net = names["Asleep"]()
    net.frozen, net.head = nn.BatchNorm1d(3), nn.Linear(3, 2)
    net.train()
    assert (net.training, net.head.training, net.frozen.training) == (True, True, False)
    assert not net.eval().head.training


def test_6_gives_a_copy_the_buffers():
    average, model = slow(), plain()
    execute(6, average=average, model=model)
    pairs = zip(average.buffers(), model.buffers(), strict=True)
    assert all(torch.equal(old, new) for old, new in pairs)


def test_recalibrating_is_enough_for_statistics_that_are_no_numbers():
    model = broken()
    evalcheck.recalibrate(model, FEED)
    assert loss(model) < 1.2 * loss(plain())
