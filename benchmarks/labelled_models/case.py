"""A labelled model: how it is made, what is wrong with it, and where."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy
import torch
from torch import nn

Half = Literal["tuned", "frozen", "fresh"]
HEALTHY = "healthy"
# What the probe can name; a fault outside of them is known by the rule that finds it.
CAUSES = ("stale", "dropout", "shared", "domain", "batch", "order", "custom", "noise")
LEAK = "leak"
LABELS = (HEALTHY, *CAUSES, LEAK)


@dataclass(frozen=True)
class Trained:
    """A trained model with the loaders that it is examined on.

    ``clean`` yields the evaluation data before it was shifted, where the label is ``domain``.
    """

    model: nn.Module
    evaluation: Iterable[Any]
    training: Iterable[Any]
    clean: Iterable[Any] | None = None


@dataclass(frozen=True)
class Case:
    """One model and its label.

    ``culprits`` are the modules of which the first that is blamed must be one, empty where the fault
    is in no single module. ``rules`` are those of which one should find it.
    """

    name: str
    half: Half
    label: str
    make: Callable[[], Trained]
    culprits: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    def train(self) -> Trained:
        """The same model each time: all generators are seeded from the name."""
        seed = zlib.crc32(self.name.encode())
        torch.manual_seed(seed)
        numpy.random.seed(seed)
        random.seed(seed)
        return self.make()


_ALL: dict[str, Case] = {}


def case(
    label: str, *culprits: str, rules: tuple[str, ...] = (), half: Half = "tuned"
) -> Callable[[Callable[[], Trained]], Callable[[], Trained]]:
    """Register the decorated function as a case; its name, with dashes, is the case's."""
    if label not in LABELS:
        raise ValueError(f"unknown label {label!r}: one of {', '.join(LABELS)}")

    def register(make: Callable[[], Trained]) -> Callable[[], Trained]:
        name = make.__name__.replace("_", "-")
        if name in _ALL:
            raise ValueError(f"two cases are called {name!r}")
        _ALL[name] = Case(name, half, label, make, culprits, rules)
        return make

    return register


def cases() -> Iterator[Case]:
    """All that were registered, by label and then in the order in which they were written."""
    return iter(sorted(_ALL.values(), key=lambda found: LABELS.index(found.label)))
