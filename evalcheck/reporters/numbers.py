"""How figures are written for people."""

from __future__ import annotations

from collections.abc import Sequence


def percent(value: float) -> str:
    """A share of one: ``74.2%``."""
    return f"{value:.1%}"


def figure(name: str, value: float) -> str:
    """A score's value: accuracies in per cent, all else with three digits."""
    return percent(value) if name == "accuracy" else f"{value:.3g}"


def change(name: str, before: float, after: float) -> str:
    """``74.2 → 98.0%``."""
    if name == "accuracy":
        return f"{before * 100:.1f} → {after:.1%}"
    return f"{before:.3g} → {after:.3g}"


def joined(words: Sequence[str], limit: int = 3) -> str:
    """``a, b and c``, or ``a, b, c and 4 more``."""
    shown = list(words[:limit])
    rest = len(words) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def counted(count: int, word: str) -> str:
    """``1 warning``, ``2 warnings``."""
    return f"{count} {word}{'' if count == 1 else 's'}"
