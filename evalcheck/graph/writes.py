"""Catches a forward that writes the settings of a norm: which, what, and from which line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
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


@dataclass(frozen=True)
class Written:
    """One line of a forward and the setting that it writes, of which norms, with which values by mode."""

    path: str
    line: int
    attribute: str
    modules: tuple[str, ...]
    in_train: str
    in_eval: str


def by_line(train: Sequence[Write], eval: Sequence[Write], names: Mapping[int, str]) -> list[Written]:
    """The writes of both modes, put together by line and setting; of norms that ``names`` knows by id."""
    keys = dict.fromkeys((w.path, w.line, w.attribute) for w in (*train, *eval) if w.module in names)
    found = []
    for key in keys:
        here, there = (
            [w for w in writes if (w.path, w.line, w.attribute) == key and w.module in names]
            for writes in (train, eval)
        )
        modules = tuple(dict.fromkeys(names[w.module] for w in (*here, *there)))
        found.append(Written(*key, modules, _values(here), _values(there)))
    return found


def _values(writes: Sequence[Write]) -> str:
    return " or ".join(sorted({str(write.value) for write in writes})) or "nothing"


@contextmanager
def watched() -> Iterator[list[Write]]:
    """Record assignments to the settings of any norm inside the block. ``module`` is its ``id``."""
    seen: list[Write] = []
    plain, own = _NormBase.__setattr__, _NormBase.__dict__.get("__setattr__")

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
        if own is None:
            del _NormBase.__setattr__
        else:
            _NormBase.__setattr__ = own  # type: ignore[method-assign]
