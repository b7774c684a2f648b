"""Compares printed reports: the words exactly, the figures as far as machines agree on them."""

from __future__ import annotations

import re

NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*\.?\d*(?:e-?\d+)?")
# Times differ from run to run; they stand before " s" at the end of what was run.
TIME = re.compile(r"[\d.]+ s$", re.M)
# A bar is drawn in eighths of a character; the percentage beside it is the figure.
BAR = re.compile(r"[▏▎▍▌▋▊▉█]+")


def differences(one: str, two: str, tolerance: float = 0.1) -> list[str]:
    """What two reports disagree on: any word, or a figure by more than a tenth (or 2 in the last place)."""
    one, two = (" ".join(BAR.sub("", TIME.sub("", text)).split()) for text in (one, two))
    if NUMBER.sub("#", one) != NUMBER.sub("#", two):
        return [one, two]
    pairs = zip(NUMBER.findall(one), NUMBER.findall(two), strict=True)
    return [f"{a} is not {b}" for a, b in pairs if not _close(a, b, tolerance)]


def _close(one: str, two: str, tolerance: float) -> bool:
    a, b = float(one.replace(",", "")), float(two.replace(",", ""))
    places = min(len(text.partition(".")[2]) for text in (one, two))
    return abs(a - b) <= max(tolerance * max(abs(a), abs(b)), 2 * 10.0**-places)
