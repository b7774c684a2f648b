"""A trained model whose statistics are to be recomputed, and all that judges the result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

BATCH = 128


def of_first(model: nn.Module, batch: Any) -> Tensor:
    """A model of one tensor, a batch of images and classes."""
    return model(batch[0])


def first(loader: Iterable[Any]) -> Iterator[Any]:
    """What fvcore wants of such a loader: it hands each batch to the model as it comes."""
    return (batch[0] for batch in loader)


@dataclass(frozen=True)
class Case:
    """``model`` is in eval mode. ``feed`` is the loader that a user has at hand, ``test`` batches that judge.

    ``call`` gives the logits (..., 10) of a batch and ``target`` its classes; ``inputs`` makes of the loader
    what fvcore asks for; ``around`` is the context in which the user trains, tests and recalibrates.
    ``frozen`` are the paths of norms that are to keep their statistics.
    """

    model: nn.Module
    feed: DataLoader
    test: Sequence[Any]
    call: Callable[[nn.Module, Any], Tensor] = of_first
    target: Callable[[Any], Tensor] = lambda batch: batch[1]
    inputs: Callable[[Iterable[Any]], Iterable[Any]] = first
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    frozen: tuple[str, ...] = ()

    @torch.no_grad()
    def judged(self, model: nn.Module) -> tuple[float, float]:
        """Cross entropy and accuracy (in %) in eval mode on the test batches; call it last."""
        model.eval()
        with self.around():
            logits = torch.cat([self.call(model, batch) for batch in self.test]).double()
        y = torch.cat([self.target(batch) for batch in self.test])
        right = (logits.argmax(-1) == y).double().mean()
        return float(F.cross_entropy(logits, y)), 100 * float(right)


@dataclass(frozen=True)
class Situation:
    """``make`` gives the case of a seed. ``shared`` says that no one set of statistics is right."""

    name: str
    told: str
    make: Callable[[int], Case]
    shared: bool = False


def loader(x: Tensor, y: Tensor, size: int = BATCH, shuffle: bool = True) -> DataLoader:
    """Pairs of images and classes, the short last batch kept, as loaders are by default."""
    return DataLoader(TensorDataset(x, y), batch_size=size, shuffle=shuffle)
