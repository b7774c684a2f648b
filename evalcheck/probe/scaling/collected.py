"""What a model gave for a whole pool, to be cut into batches of any size without running it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from evalcheck.finding import Unanswerable


@dataclass(frozen=True)
class Collected:
    """Outputs and targets of ``samples`` samples, in the containers that the model and the loader use."""

    leaves: tuple[Any, ...]
    per_sample: tuple[bool, ...]
    form: Any
    samples: int

    @classmethod
    def of(cls, parts: Sequence[tuple[Any, Any, int]]) -> Collected:
        """From (outputs, targets, size) of each batch; leaves without a row per sample are the first batch's.

        Raises :class:`Unanswerable` where the batches' outputs or targets cannot be put together.
        """
        flat = [pytree.tree_flatten((output, targets)) for output, targets, _ in parts]
        sizes = [size for _, _, size in parts]
        form = flat[0][1]
        if any(spec != form for _, spec in flat):
            raise Unanswerable(
                "the batches' outputs differ in structure, so that they cannot be put together"
            )
        columns = list(zip(*(leaves for leaves, _ in flat), strict=True))
        per_sample = tuple(_has_rows(column, sizes) for column in columns)
        if not any(per_sample):
            raise Unanswerable("neither outputs nor targets hold a tensor with one row per sample")
        leaves = tuple(
            torch.cat(column) if rows else column[0] for column, rows in zip(columns, per_sample, strict=True)
        )
        return cls(leaves, per_sample, form, sum(sizes))

    def rows(self, index: Tensor) -> tuple[Any, Any]:
        """Outputs and targets of these samples; ``index`` is int64 of shape (n,)."""
        taken = [
            leaf[index.to(leaf.device)] if rows else leaf
            for leaf, rows in zip(self.leaves, self.per_sample, strict=True)
        ]
        output, targets = pytree.tree_unflatten(taken, self.form)
        return output, targets


def _has_rows(column: Sequence[Any], sizes: Sequence[int]) -> bool:
    """Whether this leaf has one row per sample, of one shape, in every batch."""
    return all(
        isinstance(leaf, Tensor)
        and leaf.ndim > 0
        and leaf.shape[0] == size
        and leaf.shape[1:] == column[0].shape[1:]
        for leaf, size in zip(column, sizes, strict=True)
    )
