"""One batch, bound to the call of a model, that can be cut into rows and joined again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import tree
from evalcheck.batch.copies import copied
from evalcheck.batch.layouts import dense, is_regrouped, rows


@dataclass(frozen=True)
class Batch:
    """Inputs as they are passed to the model, targets if there are any, and the number of samples.

    ``whole`` is the batch as the loader gave it; it is kept only where the user's own
    ``forward(model, batch)`` runs it. ``doubt`` is what a user should hear where the model refuses the
    call: how it was made of a mapping that did not tell.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    targets: Any
    size: int
    whole: Any = None
    forward: Callable[[nn.Module, Any], Any] | None = None
    doubt: str = ""

    def run(self, model: nn.Module) -> Any:
        """Call the model on a copy of this batch: a forward may write into its input."""
        if self.forward is not None:
            return self.forward(model, copied(self.whole))
        args, kwargs = copied((self.args, self.kwargs))
        return model(*args, **kwargs)

    def rows(self, index: Tensor) -> Batch:
        """These samples only; ``index`` is int64 of shape (n,)."""

        def take(tensor: Tensor) -> Tensor:
            alike = tensor.ndim > 0 and tensor.shape[0] == self.size
            return rows(tensor, index) if alike else tensor

        return self._mapped(take, len(index))

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        parts = (self.args, self.kwargs, self.targets, self.whole)
        args, kwargs, targets, whole = (tree.moved(part, device) for part in parts)
        return Batch(args, kwargs, targets, self.size, whole, self.forward, self.doubt)

    def shapes(self) -> str:
        """The inputs' shapes, for people."""
        if self.forward is not None:
            return tree.shapes(self.whole)
        positional = self.args[0] if len(self.args) == 1 and not self.kwargs else [*self.args]
        return tree.shapes({**self.kwargs} if self.kwargs and not self.args else positional)

    def _mapped(self, change: Callable[[Tensor], Any], size: int) -> Batch:
        parts = (self.args, self.kwargs, self.targets, self.whole)
        args, kwargs, targets, whole = (tree.map_tensors(change, part) for part in parts)
        return Batch(args, kwargs, targets, size, whole, self.forward, self.doubt)


def join(batches: Sequence[Batch]) -> Batch | None:
    """All samples in one batch, or None where shapes do not allow it (ragged, or no tensors)."""
    parts = [list(tree.leaves([b.args, b.kwargs, b.targets, b.whole])) for b in batches]
    first = parts[0]
    if any([p for p, _ in part] != [p for p, _ in first] for part in parts):
        return None
    joined: list[Tensor] = []
    for column in zip(*parts, strict=True):
        tensors = [tensor for _, tensor in column]
        if not all(is_regrouped(tensor) for tensor in tensors):
            return None
        rows = all(t.ndim > 0 and t.shape[0] == b.size for t, b in zip(tensors, batches, strict=True))
        if rows and all(t.shape[1:] == tensors[0].shape[1:] for t in tensors):
            joined.append(torch.cat(tensors))
        elif not rows and all(_equal(t, tensors[0]) for t in tensors):
            joined.append(tensors[0])
        else:
            return None
    supply = iter(joined)
    return batches[0]._mapped(lambda _: next(supply), sum(b.size for b in batches))


def _equal(one: Tensor, two: Tensor) -> bool:
    here, there = dense(one), dense(two)
    return here is not None and there is not None and torch.equal(here, there)
