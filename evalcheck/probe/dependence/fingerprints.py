"""What went into and came out of every module in one forward, in two numbers each.

Enough to find where two runs part, without keeping the activations of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from evalcheck.batch import tree


@dataclass(frozen=True)
class Print:
    """One module call's input or output: the sum of its values and of their magnitudes, (2,) float64."""

    path: str
    side: Literal["input", "output"]
    sums: Tensor


Prints = list[Print]


@contextmanager
def fingerprints(model: nn.Module, row: int | None = None) -> Iterator[Prints]:
    """Record every module call in order (of one row, if asked): its input, its children, its output."""
    record: Prints = []

    def note(path: str, side: Literal["input", "output"], value: Any) -> None:
        for _, leaf in tree.leaves(value):
            if leaf.is_floating_point() and leaf.numel() and leaf.ndim:
                part = (leaf.detach()[row] if row is not None else leaf.detach()).double()
                record.append(Print(path, side, torch.stack([part.sum(), part.abs().sum()])))
                break

    hooks = []
    for path, module in model.named_modules():
        # Scripted modules take no hooks; what they do is told by the module around them.
        if not isinstance(module, torch.jit.ScriptModule):
            before = lambda _m, args, kwargs, path=path: note(path, "input", [*args, kwargs])  # noqa: E731
            after = lambda _m, _args, output, path=path: note(path, "output", output)  # noqa: E731
            hooks.append(module.register_forward_pre_hook(before, with_kwargs=True))
            hooks.append(module.register_forward_hook(after))
    try:
        yield record
    finally:
        for hook in hooks:
            hook.remove()


def culprit(one: Prints, two: Prints, tolerance: float) -> str | None:
    """The module in whose own forward two runs part; None if they took different paths before.

    A module whose input agrees and whose output does not is it. Where the input differs already, it
    is the module around, which made that input: ``""`` is the model itself.
    """
    for a, b in zip(one, two, strict=False):
        if (a.path, a.side) != (b.path, b.side):
            return None
        if bool((a.sums - b.sums).abs().max() > tolerance * a.sums.abs().max().clamp_min(1e-12)):
            return a.path if a.side == "output" else a.path.rpartition(".")[0]
    return None
