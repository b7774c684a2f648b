"""What every module put out in one forward, in two numbers each: enough to find where runs part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import tree

Prints = list[tuple[str, Tensor]]


@contextmanager
def fingerprints(model: nn.Module, row: int | None = None) -> Iterator[Prints]:
    """Record, for every module call in order, two sums over its output (of one row, if asked).

    Sums instead of outputs: a big network's activations do not fit twice.
    """
    record: Prints = []

    def note(path: str, output: Any) -> None:
        for _, leaf in tree.leaves(output):
            if leaf.is_floating_point() and leaf.numel() and leaf.ndim:
                part = leaf.detach()[row] if row is not None else leaf.detach()
                record.append((path, torch.stack([part.double().sum(), part.double().abs().sum()])))
                break

    hooks = [
        module.register_forward_hook(lambda _m, _i, output, path=path: note(path, output))
        for path, module in model.named_modules()
        if path
    ]
    try:
        yield record
    finally:
        for hook in hooks:
            hook.remove()


def first_difference(one: Prints, two: Prints, tolerance: float) -> str | None:
    """The first module call whose fingerprints differ; None if the runs took different paths before."""
    for (path, a), (other, b) in zip(one, two, strict=False):
        if path != other:
            return None
        if bool((a - b).abs().max() > tolerance * a.abs().max().clamp_min(1e-12)):
            return path
    return None
