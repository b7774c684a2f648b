"""Shares files among forked processes; what they found comes back through pipes."""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalcheck.linting.cache import Cache
    from evalcheck.linting.sweep import Payload

    Look = Callable[[Sequence[str]], dict[str, Payload]]


def spread(shares: Sequence[Sequence[str]], look: Look, cache: Cache | None) -> dict[str, Payload]:
    """Let one process look at each share; the last share is looked at here.

    A process that fails gives its share back: it is looked at here, where the error can be seen.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    children = [(share, *_start(share, look, cache)) for share in shares[:-1]]
    found = look(shares[-1])
    for share, process, pipe in children:
        with os.fdopen(pipe, "rb") as reader:
            data = reader.read()
        os.waitpid(process, 0)
        try:
            theirs, entries = marshal.loads(data)
        except (EOFError, ValueError, TypeError):
            found.update(look(share))
            continue
        found.update(theirs)
        if cache is not None:
            cache.fresh.update(entries)
    return found


def _start(share: Sequence[str], look: Look, cache: Cache | None) -> tuple[int, int]:
    """The process that looks at a share, and the end of the pipe from which its answer is read."""
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return process, reader
    try:
        os.close(reader)
        found = look(share)
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(marshal.dumps((found, cache.fresh if cache is not None else {})))
    finally:
        os._exit(0)  # no handlers, no flushing: all of that is the parent's
