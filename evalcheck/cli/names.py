"""Many names as a list that is short enough for a line."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], shown: int) -> str:
    """``a, b, c and 4 more``: the first names, and how many were left out."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
