"""How a file's path is written, so that every layer writes the same one for the same file."""

from __future__ import annotations

import os


def shown(path: str | os.PathLike[str]) -> str:
    """Relative to the working directory where the file lies below it, else as given; with slashes."""
    given = os.fspath(path)
    try:
        relative = os.path.relpath(os.path.realpath(given), os.path.realpath(os.curdir))
    except (OSError, ValueError):  # another drive
        return given.replace(os.sep, "/")
    return (given if relative.startswith(os.pardir) else relative).replace(os.sep, "/")
