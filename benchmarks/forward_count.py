"""Counts what goes through a model: samples, whether for gradients, and which question asked for them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

# A backward pass costs about two forwards.
BACKWARD = 2
# Where the call comes from, told from the innermost frame that one of these names.
PARTS = {
    ("passes.py", "evaluated"): "eval mode",
    ("passes.py", "trained"): "train mode",
    ("passes.py", "_referred"): "batch statistics",
    ("passes.py", "writes"): "settings written",
    ("population.py", "_collect"): "population statistics",
    ("population.py", "on"): "eval mode on other statistics",
    ("population.py", "on_calls"): "eval mode on other statistics",
    ("order.py", None): "order of batches",
    ("custom.py", None): "custom modules",
    ("local_gains.py", None): "custom modules",
    ("mode_readers.py", None): "custom modules",
    ("/attribution/", None): "attribution",
    ("/dependence/", None): "dependence",
    ("/probe/state/", None): "state",
    ("/scaling/", None): "batch size and learning rate",
    ("/graph/", None): "tracing",
    ("/loader/", None): "loader",
    ("acceptance.py", None): "first run",
    ("/remedies/", None): "remedies",
    ("runner.py", "first_nonfinite"): "first run",
}


@dataclass
class Count:
    """Samples by part, those that went backward too three times."""

    by_part: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> float:
        return float(sum(self.by_part.values()))


@contextmanager
def counted(model: nn.Module) -> Iterator[Count]:
    """Count every call of the model inside the block."""
    count = Count()

    def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        held = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)]
        part, samples = _part(), len(held[0])
        count.by_part[part] += samples
        leaf = next((leaf for leaf in tree_leaves(output) if isinstance(leaf, torch.Tensor)), None)
        if leaf is not None and leaf.requires_grad:
            _on_first_use(leaf, lambda: count.by_part.update({part: BACKWARD * samples}))

    handle = model.register_forward_hook(note, with_kwargs=True)
    try:
        yield count
    finally:
        handle.remove()


def _on_first_use(leaf: torch.Tensor, tell: Callable[[], object]) -> None:
    """Call back when a gradient reaches the tensor, once."""
    told: list[bool] = []

    def hook(gradient: torch.Tensor) -> None:
        if not told:
            told.append(True)
            tell()

    leaf.register_hook(hook)


def _part() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if f"{Path('/evalcheck/')}" in path:
            for (where, function), part in PARTS.items():
                if where in path and function in (None, frame.f_code.co_name):
                    return part
        frame = frame.f_back  # type: ignore[assignment]
    return "else"
