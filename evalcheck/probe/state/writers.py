"""The lines of the user's code that assign to attributes of modules while a forward runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

from evalcheck.finding import Span
from evalcheck.graph.recording.callers import caller
from evalcheck.probe.state.snapshots import Key


@contextmanager
def writers(modules: Mapping[str, nn.Module]) -> Iterator[dict[Key, Span]]:
    """The first line that assigns to each attribute, also by ``train()`` and ``eval()``.

    What is changed in place is not assigned. Slow: to be used once something is known to change.
    """
    names = {id(module): path for path, module in modules.items()}
    found: dict[Key, Span] = {}
    plain = nn.Module.__setattr__

    def spy(self: nn.Module, name: str, value: Any) -> None:
        key = names.get(id(self), ""), name
        if id(self) in names and key not in found and (span := caller(None)) is not None:
            found[key] = span
        plain(self, name, value)

    nn.Module.__setattr__ = spy  # type: ignore[method-assign]
    try:
        yield found
    finally:
        nn.Module.__setattr__ = plain  # type: ignore[method-assign]
