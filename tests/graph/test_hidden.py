"""Modules that registration does not see are found where they are kept."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from evalcheck.graph import read


class Keeper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.owned = nn.Linear(2, 2)
        self.plain = [nn.Linear(2, 2), nn.Sequential(nn.BatchNorm1d(2))]
        self.pairs = {"a": (nn.Dropout(0.5), 1)}
        self.again = [self.owned]
        hidden = nn.Linear(2, 2)
        self.call = lambda x: hidden(x)
        self.bound = partial(nn.functional.relu, inplace=False)
        object.__setattr__(self, "teacher", nn.Linear(2, 2).eval().requires_grad_(False))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.plain:
            x = layer(x)
        return self.pairs["a"][0](self.call(x))


def test_each_is_found_once_with_its_keeper() -> None:
    """Lists, dicts, closures; not what is registered too, and not what has no module."""
    graph = read(Keeper(), lambda m: m(torch.randn(4, 2)))
    assert {(h.path, h.keeper) for h in graph.hidden} == {
        ("plain[0]", "list"),
        ("plain[1]", "list"),
        ("pairs['a'][0]", "dict"),
        ("call.<hidden>", "closure"),
        ("teacher", "attribute"),
    }


def test_calls_of_hidden_modules_are_traced_under_their_path() -> None:
    """Their modes are those they were left in: eval() did not reach them."""
    graph = read(Keeper(), lambda m: m(torch.randn(4, 2)))
    assert graph.eval is not None
    assert graph.eval.calls("plain[1].0")[0].training
    assert graph.eval.calls("pairs['a'][0]")[0].p == 0.5
    assert graph.eval.calls("call.<hidden>")


def test_state_and_intent_are_told() -> None:
    """A frozen teacher is known as such; an activation has no state."""
    keeper = Keeper()
    keeper.plain.append(nn.ReLU())
    found = {h.path: h for h in read(keeper, None).hidden}
    assert found["teacher"].frozen
    assert not found["plain[0]"].frozen
    assert found["pairs['a'][0]"].stateful
    assert not found["plain[2]"].stateful
    assert found["plain[0]"].size == 3


def test_module_made_in_forward_is_kept_apart() -> None:
    """It has a name of its own below the module that made it."""

    class Inline(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.Dropout(0.5)(x)

    graph = read(Inline(), lambda m: m(torch.randn(4, 2)))
    assert graph.eval is not None
    assert set(graph.eval.inline) == {"<Dropout>"}
    assert graph.eval.calls("<Dropout>")[0].training
