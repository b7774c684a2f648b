"""Tensors that are no plain block of numbers: sparse, quantised, conjugated, nested."""

from __future__ import annotations

import torch
from torch import Tensor

# Numbers of one tensor that are written out where a few were kept.
MOST = 2**26


def dense(tensor: Tensor) -> Tensor | None:
    """The same numbers as a plain tensor; None of one that is ragged, or too large to be written out."""
    if tensor.is_nested:
        return None
    if tensor.layout is not torch.strided:
        return tensor.to_dense() if tensor.shape.numel() <= MOST else None
    return tensor.dequantize() if tensor.is_quantized else tensor.resolve_conj().resolve_neg()


def is_regrouped(tensor: Tensor) -> bool:
    """Whether rows of it can be taken, and put together with others: not of nested or compressed ones."""
    return not tensor.is_nested and tensor.layout in (torch.strided, torch.sparse_coo)


def rows(tensor: Tensor, index: Tensor) -> Tensor:
    """Some rows of a tensor of any layout, in that layout; ``index`` is int64 of shape (n,)."""
    index = index.to(tensor.device)
    if tensor.is_nested:
        chosen = [tensor[row] for row in index.tolist()]
        return torch.nested.nested_tensor(chosen, layout=tensor.layout)
    if is_regrouped(tensor):
        return tensor.index_select(0, index)
    if tensor.layout is torch._mkldnn:  # type: ignore[attr-defined]
        return tensor.to_dense().index_select(0, index).to_mkldnn()
    listed = tensor.to_sparse(layout=torch.sparse_coo)
    return listed.index_select(0, index).to_sparse(layout=tensor.layout)
