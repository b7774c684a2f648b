"""Which operation drew a random number, and which only looks as if it might."""

from __future__ import annotations

import random

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evalcheck.graph import Trace, trace


class Inner(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * float(numpy.random.rand())


class Noisy(nn.Module):
    """Draws from all three generators; attention at rate 0 and dropout in eval mode draw nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.drop = Inner(), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.scaled_dot_product_attention(x, x, x, dropout_p=0.0)
        x = self.drop(x) + torch.randn_like(x)
        return self.inner(x) + random.random()


def _traces(model: nn.Module) -> tuple[Trace, Trace]:
    graph = trace(model, torch.ones(2, 3, 4))
    assert graph.train is not None
    assert graph.eval is not None
    return graph.train, graph.eval


def test_operations_that_draw_are_marked_by_what_they_did() -> None:
    """The dropout draws in train mode, the noise in both, attention at rate 0 in none."""
    train, evaluated = _traces(Noisy())
    drew = [[n.name for n in t.graph.nodes if n.meta.get("rng")] for t in (train, evaluated)]
    assert drew == [["dropout", "randn_like"], ["randn_like"]]


def test_draws_that_torch_does_not_see_are_found_by_module() -> None:
    """Python's and numpy's generators are looked after at each module call, where they moved at all."""
    _, evaluated = _traces(Noisy())
    assert evaluated.drew_outside
    assert [evaluated.sequence[position].path for position in evaluated.foreign] == ["inner", ""]


def test_looking_draws_nothing() -> None:
    """Generators are as they were, and a model that draws nothing is asked only once."""
    plain, noisy = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), Noisy()
    states = random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state()
    _, evaluated = _traces(plain)
    assert not evaluated.drew_outside
    assert evaluated.foreign == ()
    _traces(noisy)
    assert states[0] == random.getstate()
    assert states[1] == numpy.random.get_state()[1].tolist()
    assert torch.equal(states[2], torch.get_rng_state())
