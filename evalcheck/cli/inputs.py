"""``--input 8x3x32x32[:int64<1000]``: made-up inputs where there is no loader."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from evalcheck.complaint import Complaint, nearest

FORM = re.compile(r"(?P<shape>\d+(?:x\d+)*)(?::(?P<dtype>\w+)(?:<(?P<below>\d+))?)?")
DTYPES = {
    name: getattr(torch, name)
    for name in (
        "float32",
        "float64",
        "float16",
        "bfloat16",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint8",
        "bool",
    )
}


def make(specs: Sequence[str], seed: int) -> list[Tensor]:
    """One tensor for each spec, the same for the same seed: normal numbers, or integers below a bound."""
    generator = torch.Generator().manual_seed(seed)
    tensors = []
    for spec in specs:
        try:
            tensors.append(_one(spec, generator))
        except (RuntimeError, MemoryError):
            raise Complaint(f"--input {spec!r} is more than memory holds: write a smaller size") from None
    return tensors


def _one(spec: str, generator: torch.Generator) -> Tensor:
    match = FORM.fullmatch(spec.replace(" ", ""))
    if match is None:
        raise Complaint(f"--input {spec!r} is not understood: write it like 8x3x32x32 or 8x128:int64<1000")
    name = match["dtype"] or "float32"
    if name not in DTYPES:
        raise Complaint(
            f"--input {spec!r} has no dtype {name!r}{nearest(name, DTYPES)}; there are {', '.join(DTYPES)}"
        )
    shape, dtype = [int(size) for size in match["shape"].split("x")], DTYPES[name]
    if 0 in shape or match["below"] == "0":
        raise Complaint(f"--input {spec!r} would be empty: sizes and bounds begin at 1")
    if dtype.is_floating_point:
        if match["below"]:
            raise Complaint(f"--input {spec!r}: only integers have a bound")
        return torch.randn(shape, generator=generator).to(dtype)
    # Two values fit every embedding; a larger range has to be asked for.
    below = int(match["below"] or 2)
    if dtype is not torch.bool and below - 1 > torch.iinfo(dtype).max:
        raise Complaint(f"--input {spec!r}: {name} ends at {torch.iinfo(dtype).max}")
    return torch.randint(0, below, shape, generator=generator).to(dtype)
