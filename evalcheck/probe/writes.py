"""Catches a forward that writes the settings of a norm: which, what, and from which line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch.nn.modules.batchnorm import _NormBase

WATCHED = frozenset({"momentum", "eps", "track_running_stats", "running_mean", "running_var"})


@dataclass(frozen=True)
class Write:
    """One assignment to a norm's setting while a forward ran."""

    module: int
    attribute: str
    value: object
    path: str
    line: int


@contextmanager
def watched() -> Iterator[list[Write]]:
    """Record assignments to the settings of any norm inside the block. ``module`` is its ``id``."""
    seen: list[Write] = []
    plain = _NormBase.__setattr__

    def spy(self: _NormBase, name: str, value: Any) -> None:
        if name in WATCHED:
            frame = sys._getframe(1)
            kept = value if isinstance(value, (int, float, bool, type(None))) else type(value).__name__
            seen.append(Write(id(self), name, kept, frame.f_code.co_filename, frame.f_lineno))
        plain(self, name, value)

    _NormBase.__setattr__ = spy  # type: ignore[method-assign,assignment]
    try:
        yield seen
    finally:
        del _NormBase.__setattr__
