"""Buffers of an averaged copy whose values show that they are means of what has none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.state import averages, spectral
from evalcheck.graph.state.averages import Average


@dataclass(frozen=True, slots=True)
class Mixture:
    """A buffer by its name in the model, the module that has it, and what became of it in words."""

    path: str
    name: str
    what: str


def mixtures(graph: ModelGraph, average: Average) -> Iterator[Mixture]:
    """Counters with fractions, masks and tables that are whole in the online part and not here, shortened
    unit vectors. What could also be a plain difference of two moments is passed by."""
    short = _shortened(graph)
    for view, name, mine, theirs in averages.buffers(graph, average):
        full = f"{view.path}.{name}"
        what = _fraction(name, mine, theirs) or _truncated(name, mine, theirs) or short.get(full)
        if what is not None:
            yield Mixture(view.path, full, what)


def _fraction(name: str, mine: Tensor, theirs: Tensor | None) -> str | None:
    if not mine.is_floating_point() or not bool(torch.isfinite(mine).all()):
        return None
    if not bool((mine != mine.round()).any()):
        return None
    example = float(mine[mine != mine.round()].flatten()[0])
    if name == "num_batches_tracked":
        return f"a count of {example:g}"
    if theirs is None or theirs.numel() < 2 or theirs.is_meta:
        return None
    if not theirs.is_floating_point():
        return f"not whole any more (it holds {example:g}), though it is a table of whole numbers"
    if bool(((theirs == 0) | (theirs == 1)).all()) and 0 < float((theirs == 1).float().mean()) < 1:
        return f"not 0 or 1 any more (it holds {example:g}), though it is a mask"
    return None


def _truncated(name: str, mine: Tensor, theirs: Tensor | None) -> str | None:
    """A table of which some entries are one too low: 0.9 * 169 + 0.1 * 169 is 168.99..., cut to 168."""
    if theirs is None or mine.numel() < 2 or mine.dtype != theirs.dtype:
        return None
    if mine.is_floating_point() or mine.dtype == torch.bool or mine.is_complex():
        return None
    gap = theirs.to(mine.device).long() - mine.long()
    if bool(((gap == 0) | (gap == 1)).all()) and 0 < int((gap == 1).sum()) < gap.numel():
        return f"one too low in {int((gap == 1).sum())} of {gap.numel()} entries"
    return None


def _shortened(graph: ModelGraph) -> dict[str, str]:
    """The vectors of spectral norms that are no unit vectors, by name."""
    found = {}
    for norm in spectral.of(graph):
        for name, vector in norm.vectors.items():
            if vector < 0.99:
                found[name] = f"a unit vector of length {vector:.3g}"
    return found
