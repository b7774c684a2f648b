"""Puts a rewritten file in the place of the old one: the whole of it, or nothing."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress

from evalcheck.paths import shown
from evalcheck.rewriting.rounds import Rewritten


class Unwritable(Exception):
    """One line for people: what kept the file from being written."""


def write(rewritten: Rewritten) -> bool:
    """Write a file that changed; whether there was anything to write. Raises :class:`Unwritable`.

    A link is followed. The file keeps its permissions and, where that is allowed, its owner; it is left
    alone if it is write-protected, or if it is no longer what was read.
    """
    if not rewritten.changed:
        return False
    target = os.path.realpath(rewritten.path)
    name = shown(rewritten.path)
    try:
        state = os.stat(target)
        if not state.st_mode & 0o222 or not os.access(target, os.W_OK):
            raise Unwritable(f"{name}: not fixed, it is write-protected")
        with open(target, "rb") as file:
            if file.read() != rewritten.before:
                raise Unwritable(f"{name}: not fixed, it was changed meanwhile")
        _replace(target, rewritten.after, state)
    except OSError as error:
        raise Unwritable(f"{name}: not fixed, it cannot be written ({error.strerror})") from None
    return True


def _replace(target: str, data: bytes, state: os.stat_result) -> None:
    folder, base = os.path.split(target)
    handle, draft = tempfile.mkstemp(prefix=f".{base[:100]}.", suffix=".new", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError, AttributeError):  # another user's file; no owners on this system
            os.chown(draft, state.st_uid, state.st_gid)
        os.chmod(draft, stat.S_IMODE(state.st_mode))
        os.replace(draft, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise
