"""The user's own traceback: their frames, and none of ours or of the import machinery."""

from __future__ import annotations

import traceback
from pathlib import Path

from evalcheck.checkup.own_code import is_users


def of(error: BaseException) -> str:
    """The user's frames and the error, without a header; where there are none, the error alone."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if is_users(Path(f.filename))]
    lines = traceback.format_list(frames) + traceback.format_exception_only(error)
    return "".join(lines).rstrip()


def line(error: BaseException) -> str:
    """The error in one line, as python would end its traceback."""
    first = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
