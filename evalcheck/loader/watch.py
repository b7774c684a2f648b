"""Notes which objects' methods run: a transform that is held is not yet a transform that is used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def methods_run(wanted: frozenset[int]) -> Iterator[set[int] | None]:
    """The ids, out of ``wanted``, of objects that were ``self`` in a call of this thread.

    None where somebody else's profiler runs: there can be only one, and it cannot always be put back.
    """
    if sys.getprofile() is not None:
        yield None
        return
    ran: set[int] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_argcount and code.co_varnames[0] == "self":
            subject = id(frame.f_locals.get("self"))
            if subject in wanted:
                ran.add(subject)

    sys.setprofile(note)
    try:
        yield ran
    finally:
        sys.setprofile(None)
