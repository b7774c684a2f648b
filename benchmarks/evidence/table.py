"""How the tables are printed: our figure, the one known before, where that stands; and what must hold.

A claim is what our documents say. Where one fails the script says so and exits with status 1. What we do
not claim, because it did not come out as in the paper, is printed as a remark.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

EARLIER = "measured before this project"
WU = "arXiv 2105.07576"
LI = "arXiv 1801.05134"


class Report:
    """Prints tables and claims as they come, and remembers whether every claim held."""

    def __init__(self, text: str | None) -> None:
        self._started, self._failed = time.monotonic(), 0
        print((text or "").strip().split("\n")[0])

    def table(self, title: str, rows: Iterable[tuple[str, str, str, str]], head: str = "") -> None:
        """Rows of (what, ours, published or measured before, source); ``head`` says what a cell holds."""
        whole = [(head, "ours", "before", "source"), *rows]
        widths = [max(len(row[column]) for row in whole) for column in range(3)]
        print(f"\n{title}")
        for index, (what, ours, before, source) in enumerate(whole):
            print(f"  {what:<{widths[0]}}  {ours:>{widths[1]}}  {before:>{widths[2]}}  {source}".rstrip())
            if index == 0:
                print("  " + "-" * (sum(widths) + 4 + max(len(row[3]) for row in whole) + 2))
        sys.stdout.flush()

    def remark(self, text: str) -> None:
        """What a reader should know of the figures, and where they do not show what a paper shows."""
        print(f"  note   {text}", flush=True)

    def claim(self, text: str, holds: bool) -> None:
        """Something that our documents say, checked here."""
        self._failed += not holds
        print(f"  {'holds' if holds else 'FAILS'}  {text}", flush=True)

    def close(self) -> None:
        """Say how long it took, and exit with 1 where a claim failed."""
        print(f"\n{time.monotonic() - self._started:.0f} seconds")
        if self._failed:
            sys.exit(1)


def several(values: Iterable[float], form: str = ".1f") -> str:
    """Numbers of one cell, side by side; ``-`` for what is not a number: it was not measured."""
    return " / ".join("-" if value != value else format(value, form) for value in values)


def mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
