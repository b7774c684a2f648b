"""What went into and came out of every module in one forward, in a few numbers each.

Enough to find where two runs part, without keeping the activations of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor, nn

from evalcheck.batch import tree

# A tensor's sketch: this many random projections; a difference of r is seen as r give or take a third.
PROJECTIONS, BLOCK = 4, 4096

View = Callable[[Tensor], Tensor | None]


@dataclass(frozen=True)
class Print:
    """One module call's input or output.

    ``sums`` is float64 of shape (tensors, 5): four random projections of each tensor and its norm;
    NaN where a tensor has no part that can be compared, or holds what is not finite. ``caller`` is the
    module in whose forward it was called, ``""`` for the model itself.
    """

    path: str
    side: Literal["input", "output"]
    caller: str
    sums: Tensor


Prints = list[Print]


def everything(tensor: Tensor) -> Tensor:
    """The view of two runs over one batch: all of a tensor."""
    return tensor


@contextmanager
def fingerprints(model: nn.Module, view: View = everything) -> Iterator[Prints]:
    """Record every module call in order: its input, its children, its output.

    ``view`` picks the part of a tensor that is compared, None for none.
    """
    record: Prints = []
    running: list[str] = []

    def before(path: str, value: Any) -> None:
        record.append(Print(path, "input", running[-1] if running else "", _sketches(value, view)))
        running.append(path)

    def after(path: str, value: Any) -> None:
        running.pop()
        record.append(Print(path, "output", running[-1] if running else "", _sketches(value, view)))

    hooks = []
    for path, module in model.named_modules():
        # Scripted modules take no hooks; what they do is told by the module around them.
        if not isinstance(module, torch.jit.ScriptModule):
            enter = lambda _m, args, kwargs, path=path: before(path, [*args, kwargs])  # noqa: E731
            leave = lambda _m, _args, output, path=path: after(path, output)  # noqa: E731
            hooks.append(module.register_forward_pre_hook(enter, with_kwargs=True))
            hooks.append(module.register_forward_hook(leave))
    try:
        yield record
    finally:
        for hook in hooks:
            hook.remove()


def culprit(one: Prints, two: Prints, tolerance: float) -> str | None:
    """The module in whose own forward two runs part; None if they do not, or took different paths before.

    A module whose input agrees and whose output does not is it. Where the input differs already, it
    is the module that called it, and made that input: ``""`` is the model itself.
    """
    for a, b in zip(one, two, strict=False):
        if (a.path, a.side) != (b.path, b.side) or a.sums.shape != b.sums.shape:
            return None
        if bool((distances(a, b) > tolerance).any()):
            return a.path if a.side == "output" else a.caller
    return None


def distances(one: Print, two: Print) -> Tensor:
    """Root mean square of the difference over that of the first, estimated, of each tensor.

    Random signs keep distances (Achlioptas 2003, theorem 1.1): the mean over projections of the
    squared difference estimates the squared norm of the difference.
    """
    gaps = (one.sums[:, :-1] - two.sums[:, :-1]).square().mean(1).sqrt()
    return gaps / one.sums[:, -1].clamp_min(1e-30)


def rows(size: int, index: Tensor) -> View:
    """The view of some samples of a batch of ``size``: ``index`` is int64 of shape (n,).

    Samples lie along the first dimension, several rows each perhaps (windows of a picture), or along
    the second (time first). What has no samples is not compared.
    """

    def view(tensor: Tensor) -> Tensor | None:
        if tensor.ndim and tensor.shape[0] and tensor.shape[0] % size == 0:
            return tensor.reshape(size, -1).index_select(0, index.to(tensor.device))
        if tensor.ndim > 1 and tensor.shape[1] == size:
            return tensor.index_select(1, index.to(tensor.device))
        return None

    return view


def _sketches(value: Any, view: View) -> Tensor:
    with torch.no_grad():
        found = [_sketch(view(leaf.detach())) for _, leaf in tree.leaves(value) if _has_numbers(leaf)]
        return torch.stack(found) if found else torch.zeros(0, PROJECTIONS + 1, dtype=torch.float64)


def _has_numbers(leaf: Tensor) -> bool:
    strided = leaf.layout is torch.strided and not leaf.is_nested and not leaf.is_quantized
    return strided and not leaf.is_complex() and leaf.numel() > 0 and leaf.ndim > 0


def _sketch(part: Tensor | None) -> Tensor:
    if part is None:
        return torch.full((PROJECTIONS + 1,), torch.nan, dtype=torch.float64)
    flat = part.reshape(-1).double().cpu() if part.device.type == "mps" else part.reshape(-1).double()
    count = flat.shape[0]
    signs = _signs(min(count, BLOCK), 0, flat.device)
    if count > BLOCK:
        flat = nn.functional.pad(flat, (0, -count % BLOCK)).view(-1, BLOCK)
        sketch = ((flat @ signs) * _signs(len(flat), 1, flat.device)).sum(0)
    else:
        sketch = flat @ signs
    return torch.cat([sketch, flat.square().sum().sqrt().reshape(1)]).cpu()


@lru_cache(maxsize=256)
def _signs(count: int, seed: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(1_000 * seed + count)
    drawn = torch.randint(0, 2, (count, PROJECTIONS), generator=generator)
    return (2.0 * drawn.double() - 1.0).to(device)
