"""Which dimension holds the samples: what a batch, and what a module takes for it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch, tree
from evalcheck.finding import Unanswerable


def demand_separate(batch: Batch, compared: int) -> None:
    """Raise :class:`Unanswerable` where the inputs are not one sample to a row, on its own.

    A graph's edges and adjacencies relate rows to each other: that those depend on each other is meant.
    Where targets have another first dimension than the inputs, that of the inputs is time, perhaps.
    """
    named = [(path, t) for path, t in tree.leaves([batch.args, batch.kwargs, batch.whole]) if t.ndim > 0]
    inputs = [tensor for _, tensor in named]
    if compared < 2:
        raise Unanswerable("it takes two samples or more")
    if not any(t.shape[0] == batch.size for t in inputs):
        raise Unanswerable("the batches hold no tensor that could be cut into samples")
    if len(inputs) > 1 and any(_relates(path, tensor, batch.size) for path, tensor in named):
        raise Unanswerable("an input relates samples to each other, as the edges of a graph do")
    if any(t.ndim > 0 and t.shape[0] != batch.size for _, t in tree.leaves(batch.targets)):
        raise Unanswerable("inputs and targets differ in their first dimension, which may be time")


def takes_time_first(model: nn.Module, path: str | None) -> bool:
    """Whether the module of that name takes the first dimension for time, as torch's do by default."""
    module = dict(model.named_modules()).get(path) if path is not None else None
    return getattr(module, "batch_first", None) is False


def _relates(path: str, tensor: Tensor, size: int) -> bool:
    if tensor.shape[0] == size:
        square = tensor.ndim == 2 and tensor.shape[1] == size and size > 1
        # Sequences may be as long as the batch is large: token numbers and masks are no adjacency.
        return square and "mask" not in path and not _counts(tensor)
    whole = not tensor.is_floating_point() and not tensor.is_complex() and tensor.element_size() > 1
    return whole and tensor.numel() > 0 and int(tensor.max()) < size


def _counts(tensor: Tensor) -> bool:
    """Whether the values are whole numbers beyond 0 and 1, which no adjacency holds."""
    whole = not tensor.is_floating_point() and not tensor.is_complex() and tensor.dtype is not torch.bool
    return whole and tensor.numel() > 0 and int(tensor.max()) > 1
