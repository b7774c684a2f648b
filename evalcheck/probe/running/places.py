"""Lines of the user's code that the probe saw at work, as spans."""

from __future__ import annotations

import linecache

from evalcheck.finding import Span
from evalcheck.paths import shown


def span_of(path: str, line: int) -> Span:
    """The whole line, without its margins; the path relative to the working directory where it lies below."""
    text = linecache.getline(path, line).rstrip("\r\n")
    start = len(text) - len(text.lstrip()) + 1
    return Span(shown(path), line, start, line, max(start, len(text.rstrip()) + 1), text=text.strip())
