"""Whether two tensors are the same bit for bit: -0.0 is not 0.0, and a NaN has a payload."""

from __future__ import annotations

import torch
from torch import Tensor

WHOLE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
# The parts that hold the values of a layout that is not strided.
PARTS = {
    torch.sparse_coo: ("_indices", "_values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
}


def same_bits(one: Tensor, two: Tensor) -> bool:
    """Of any kind of tensor; one without values (meta) is always the same. Reads, never writes."""
    if (one.shape, one.dtype, one.layout, one.device) != (two.shape, two.dtype, two.layout, two.device):
        return False
    if one.is_meta:
        return True
    if one.layout in PARTS:
        return all(same_bits(getattr(one, part)(), getattr(two, part)()) for part in PARTS[one.layout])
    if one.layout is not torch.strided:
        return same_bits(one.to_dense(), two.to_dense())
    return torch.equal(_whole(one), _whole(two))


def _whole(tensor: Tensor) -> Tensor:
    """The values as integers of the same size."""
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    tensor = tensor.resolve_conj().resolve_neg()
    if tensor.dtype is torch.complex128:
        tensor = torch.view_as_real(tensor)
    return tensor.view(WHOLE[tensor.element_size()])
