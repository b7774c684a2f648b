"""Modules that no container keeps and the model does not own, met in its forward in eval mode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evalcheck.finding import Place
from evalcheck.graph.kinds import kind_of
from evalcheck.graph.model_graph import ModelGraph


@dataclass(frozen=True, slots=True)
class Outsider:
    """``lasting`` tells one of a global variable or a foreign object from one made in each forward.

    ``foreign`` are its modules, itself among them, that the model does not keep, and ``learns`` says
    whether one of their own parameters, which the model does not have either, wants a gradient. What a
    forward copied from the model's own layers has nothing of its own: it has their weights and their mode.
    """

    module: nn.Module
    place: Place
    lasting: bool
    foreign: tuple[nn.Module, ...]
    learns: bool

    @property
    def matters(self) -> bool:
        """Whether its mode or its parameters do: active noise, batch statistics, something to learn.

        A slice of the model's own layers (``self.layers[:-1]``) is a new container of old modules, whose own
        mode nobody asks for.
        """
        if self.learns:
            return True
        awake = [m for m in self.foreign if m.training and getattr(m, "p", None) != 0]
        if {kind_of(m) for m in awake} & {"dropout", "batchnorm"}:
            return True
        wraps = any(p.requires_grad for p in self.module.parameters())
        return wraps and any(_asks(m) for m in awake)


def met(graph: ModelGraph) -> Iterator[Outsider]:
    """Those of the forward in eval mode, in the order of their first calls."""
    if graph.eval is None:
        return
    kept = [graph.model, *(hidden.module for hidden in graph.hidden)]
    modules = {id(module) for one in kept for module in one.modules()}
    weights = {id(weight) for one in kept for weight in one.parameters()}
    before = graph.train.inline if graph.train else {}
    for path, module in graph.eval.inline.items():
        place = Place(graph.eval.calls(path)[0].span, path)
        foreign = tuple(m for m in module.modules() if id(m) not in modules)
        lasting = before.get(path) is module
        new = (m for m in foreign if lasting or not _is_copied(m, kept))
        own = (w for m in new for w in m.parameters(recurse=False) if id(w) not in weights)
        learns = any(weight.requires_grad for weight in own)
        yield Outsider(module, place, lasting, foreign, learns)


def _is_copied(module: nn.Module, kept: Sequence[nn.Module]) -> bool:
    """Whether it is in eval mode, as the model is, and each of its weights is that of a kept module."""
    originals = [weight for one in kept for weight in one.parameters()]
    weights = module.parameters(recurse=False)
    return not module.training and all(any(_alike(w, o) for o in originals) for w in weights)


def _alike(one: Tensor, two: Tensor) -> bool:
    return one.shape == two.shape and one.dtype == two.dtype and torch.equal(one, two)


def _asks(module: nn.Module) -> bool:
    """Whether a forward that is not torch's reads the module's own mode."""
    code = getattr(type(module).forward, "__code__", None)
    if code is None or type(module).forward.__module__.startswith("torch.nn."):
        return False
    return "training" in code.co_names
