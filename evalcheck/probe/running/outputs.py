"""A model's output, whatever its structure, as rows of numbers per sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from evalcheck.batch import tree
from evalcheck.batch.layouts import dense

WIDTH = 4096
CONSTANT = 1e-10

Leaves = dict[str, Tensor]


def leaves(output: Any, size: int, attached: bool = False) -> Leaves:
    """The float leaves with one entry per sample, by path, each as float32 (size, d).

    Of a leaf with more than 4,096 numbers a sample, a fixed random choice is kept: means over it
    estimate means over all. Leaves without a row per sample (a mean loss, a hidden state with time
    first) are left out. Gradients flow through them only if ``attached``: a graph that is kept holds
    all that the forward computed.
    """
    return {
        path: _thinned((leaf if attached else leaf.detach()).reshape(size, -1))
        for path, leaf in _per_sample(output, size)
        if leaf.numel()
    }


def _per_sample(output: Any, size: int) -> Iterator[tuple[str, Tensor]]:
    """The float leaves with a row per sample, those that are sparse written out."""
    for path, leaf in tree.leaves(output):
        found = dense(leaf)
        if found is not None and found.is_floating_point() and found.ndim > 0 and found.shape[0] == size:
            yield path, found


def _thinned(flat: Tensor) -> Tensor:
    if flat.shape[1] > WIDTH:
        choice = torch.randperm(flat.shape[1], generator=torch.Generator().manual_seed(0))[:WIDTH]
        flat = flat[:, choice.to(flat.device)]
    return flat.float()


def spread(leaf: Tensor) -> float:
    """The root of a leaf's total variance over samples; of a constant one, its own size; 1 of zeros."""
    exact = leaf.detach().double()
    variance, square = float(exact.var(0, correction=0).sum()), float(exact.square().sum(1).mean())
    # What rounding leaves of a constant is no spread.
    found = variance if variance > CONSTANT * square else square
    return found**0.5 if math.isfinite(found) and found > 0 else 1.0


def joined(batches: Sequence[Leaves]) -> Leaves:
    """The leaves that every batch has in one width, rows joined.

    What changes its width from batch to batch (a hidden state of padded length) has no row to compare.
    """
    common = [
        path
        for path, leaf in batches[0].items()
        if all(path in other and other[path].shape[1] == leaf.shape[1] for other in batches)
    ]
    return {path: torch.cat([batch[path] for batch in batches]) for path in common}


def aligned(one: Leaves, others: Sequence[Leaves]) -> tuple[Tensor, list[Tensor]] | None:
    """Rows of outputs that may differ in structure, over the leaves that all of them have.

    A model may give more in train mode than in eval mode: (logits, auxiliary) for logits. Where no
    path is common, the primary leaves stand for each other if they have one width. None if they have not.
    """
    paths = [p for p in one if all(p in o and o[p].shape == one[p].shape for o in others)]
    if paths:
        return wide(one, paths), [wide(other, paths) for other in others]
    main = [primary_of(each) for each in (one, *others)]
    if any(leaf is None or main[0] is None or leaf.shape != main[0].shape for leaf in main):
        return None
    first, *rest = [leaf for leaf in main if leaf is not None]
    return first, rest


def wide(found: Leaves, paths: Sequence[str] | None = None) -> Tensor:
    """The leaves side by side, (N, D)."""
    return torch.cat([found[path] for path in (paths if paths is not None else found)], dim=1)


def primary_of(found: Leaves) -> Tensor | None:
    """The leaf that targets are compared with: one named like logits if there is one, else the first."""
    named = [leaf for path, leaf in found.items() if path.rpartition(".")[2] in NAMES]
    return (named or [*found.values()])[0] if found else None


NAMES = ("logits", "out", "pred", "preds")


def primary(output: Any, size: int) -> Tensor | None:
    """The same leaf of an output as the model gave it, in its own shape."""
    found = list(_per_sample(output, size))
    named = [leaf for path, leaf in found if path.rpartition(".")[2] in NAMES]
    candidates = named or [leaf for _, leaf in found]
    return candidates[0] if candidates else None


def is_logits(output: Any, size: int) -> bool:
    """Whether the primary leaf is called ``logits``."""
    main = primary(output, size)
    return any(leaf is main and path.rpartition(".")[2] == NAMES[0] for path, leaf in tree.leaves(output))


def shapes(found: Leaves) -> str:
    """The leaves for people: ``out: 21, aux: 21 numbers a sample``."""
    told = ", ".join(f"{path or 'a tensor'}: {leaf.shape[1]}" for path, leaf in found.items())
    return f"{told} numbers a sample" if told else "nothing with a row per sample"
