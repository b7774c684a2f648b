"""Remembers for each module the call that constructed it, while somebody builds a model.

Source alone cannot tell which line made a norm that a function returned; the stack can. Copies, such as
the one inside an averaged model, are told by the call that made their original.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import CodeType, FrameType
from typing import Any
from weakref import ref

from torch import nn

from evalcheck.finding import Span
from evalcheck.graph.recording.callers import users

# By identity: a module may define its own equality, which needs attributes that it does not have yet.
_calls: dict[int, tuple[ref[nn.Module], CodeType, int]] = {}
# `copy.deepcopy` restores a module from there, and knows the original.
_RESTORING: CodeType = copy._reconstruct.__code__  # type: ignore[attr-defined]
_NEAR = 6


@contextmanager
def remembered() -> Iterator[None]:
    """Note every construction and every deep copy of an ``nn.Module`` in this block."""
    construct: Callable[..., None] = nn.Module.__init__
    restore: Callable[..., None] = nn.Module.__setstate__

    @wraps(construct)
    def constructing(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        construct(self, *args, **kwargs)
        _note(self, sys._getframe(1))

    @wraps(restore)
    def restoring(self: nn.Module, state: Any) -> None:
        restore(self, state)
        _note_copy(self, sys._getframe(1))

    setattr(nn.Module, "__init__", constructing)  # noqa: B010 (a method is not assigned to)
    setattr(nn.Module, "__setstate__", restoring)  # noqa: B010
    try:
        yield
    finally:
        setattr(nn.Module, "__init__", construct)  # noqa: B010
        setattr(nn.Module, "__setstate__", restore)  # noqa: B010


def site(module: nn.Module) -> Span | None:
    """The user's call that constructed the module; None where it was not seen or stands in a library."""
    known = _calls.get(id(module))
    if known is None or known[0]() is not module:
        return None
    _, code, instruction = known
    return users(code, instruction)


def _note(module: nn.Module, frame: FrameType | None) -> None:
    while frame is not None and _constructs(module, frame):
        frame = frame.f_back
    if frame is not None:
        _calls[id(module)] = (ref(module), frame.f_code, frame.f_lasti)


def _constructs(module: nn.Module, frame: FrameType) -> bool:
    """Whether the frame is one of the module's own constructors, or of its class's class."""
    code = frame.f_code
    if not code.co_argcount:
        return False
    first = frame.f_locals.get(code.co_varnames[0])
    return first is module or (first is type(module) and code.co_name == "__call__")


def _note_copy(module: nn.Module, frame: FrameType | None) -> None:
    for _ in range(_NEAR):
        if frame is None:
            return
        if frame.f_code is _RESTORING:
            known = _calls.get(id(frame.f_locals.get("x")))
            if known is not None and known[0]() is frame.f_locals["x"]:
                _calls[id(module)] = (ref(module), *known[1:])
            return
        frame = frame.f_back
