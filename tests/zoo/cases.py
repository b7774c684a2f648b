"""A zoo in small: one model for each thing that is hard to trace, and the batches that it is shown.

The architectures of published libraries are tried by ``benchmarks/zoo.py``; these need nothing but torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from tests.zoo import batches, foreign_code, layers, plain_code


@dataclass(frozen=True)
class Case:
    """A model with a maker of batches: another seed gives other values of the same shapes.

    ``unseen`` is a pattern of the reason why the forward cannot be run again from its graph, where it
    cannot. ``faults`` are the rules that rightly warn.
    """

    build: Callable[[], nn.Module]
    batch: Callable[[torch.Generator], Any]
    unseen: str | None = None
    faults: frozenset[str] = field(default=frozenset())


# The norm in the list is never told of eval mode, and this is what comes of it.
BATCH_STATISTICS = frozenset({"unregistered-submodule", "train-eval-divergence"})

CASES: dict[str, Case] = {
    "control flow on values": Case(plain_code.OnValues, batches.flat),
    "in-place writes and views": Case(plain_code.InPlace, batches.flat),
    "dictionaries, tuples, dataclasses": Case(plain_code.Containers, batches.nested),
    "keywords only": Case(plain_code.Keywords, batches.words),
    "called twice": Case(plain_code.Twice, batches.flat),
    "tensors freed and made again": Case(plain_code.Freed, batches.flat),
    "scripted part": Case(foreign_code.scripted, batches.flat, unseen="a hole"),
    "compiled part": Case(foreign_code.compiled, batches.flat),
    "checkpoint": Case(lambda: foreign_code.Checkpointed(False), batches.flat),
    "reentrant checkpoint": Case(lambda: foreign_code.Checkpointed(True), batches.flat),
    "custom autograd function": Case(foreign_code.Custom, batches.flat),
    "data parallel": Case(foreign_code.parallel, batches.flat),
    "hooks already there": Case(foreign_code.hooked, batches.flat),
    "lazy modules": Case(foreign_code.lazy, batches.pictures),
    "attention's fast path": Case(layers.attention, batches.sequences),
    "packed sequences": Case(layers.Packed, batches.packed),
    "through numpy": Case(foreign_code.ThroughNumpy, batches.flat, unseen="a hole"),
    "vmap": Case(foreign_code.Mapped, batches.flat),
    "stochastic depth": Case(plain_code.StochasticDepth, batches.flat),
    "weight standardisation": Case(layers.standardised, batches.pictures),
    "old weight norm and spectral norm": Case(layers.reparametrised, batches.flat),
    "modules in a list": Case(
        plain_code.Listed, batches.flat, unseen="does not own", faults=BATCH_STATISTICS
    ),
}


def made(name: str, seed: int = 0) -> tuple[nn.Module, Any]:
    """The model of that name, always the same, and a batch."""
    torch.manual_seed(0)
    model = CASES[name].build()
    return model, CASES[name].batch(torch.Generator().manual_seed(seed))
