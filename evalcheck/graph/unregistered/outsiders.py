"""Modules that no container keeps and the model does not own, met in its forward in eval mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from evalcheck.finding import Place
from evalcheck.graph.kinds import kind_of
from evalcheck.graph.model_graph import ModelGraph


@dataclass(frozen=True, slots=True)
class Outsider:
    """``lasting`` tells one of a global variable or a foreign object from one made in each forward."""

    module: nn.Module
    place: Place
    lasting: bool

    @property
    def matters(self) -> bool:
        """Whether its mode or its parameters do: active noise, batch statistics, something to learn."""
        if any(p.requires_grad for p in self.module.parameters()):
            return True
        awake = {kind_of(m) for m in self.module.modules() if m.training and getattr(m, "p", None) != 0}
        return bool(awake & {"dropout", "batchnorm"})


def met(graph: ModelGraph) -> Iterator[Outsider]:
    """Those of the forward in eval mode, in the order of their first calls."""
    if graph.eval is None:
        return
    before = graph.train.inline if graph.train else {}
    for path, module in graph.eval.inline.items():
        place = Place(graph.eval.calls(path)[0].span, path)
        yield Outsider(module, place, before.get(path) is module)
