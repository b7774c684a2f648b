"""A terminal of a given width that writes into a string."""

from __future__ import annotations

import io

from rich.console import Console


def paper(*, width: int, color: bool) -> tuple[Console, io.StringIO]:
    """A console, and the file that holds what is printed on it; ANSI colours only if asked."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        legacy_windows=False,
    )
    return console, file
