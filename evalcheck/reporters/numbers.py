"""How figures are written for people."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A measure of the remedies that is a part of the output's variance, see `evalcheck.remedies.proof`.
DISTANCE = "distance from train mode"
# Others, as the remedies call what they are against: of that variance too, the last of the output.
RELIEVED = (
    "scatter of eval mode",
    "scatter of eval mode by these draws",
    "distance of the average from the model it follows",
    "difference between the gradient modes",
)
# How these are called among people.
CALLED = {
    "scatter of eval mode": "eval mode's own noise",
    "scatter of eval mode by these draws": "eval mode's noise by these draws",
}
# Measures that are shares of one.
SHARES = ("accuracy", DISTANCE, *RELIEVED)


def percent(value: float) -> str:
    """A share of one: ``74.2%``."""
    return f"{value:.1%}"


def share(value: float) -> str:
    """A share of one without decimals, nothing as ``0%``."""
    return f"{round(value * 100)}%"


def figure(name: str, value: float) -> str:
    """A score's value: accuracies in per cent, all else with three digits."""
    return percent(value) if name in SHARES else f"{value:.3g}"


def first_sentence(text: str) -> str:
    """Up to the first full stop that a space and a capital follow: names of modules hold full stops too."""
    return re.split(r"(?<=\.)\s+(?=[A-Z])", text, maxsplit=1)[0]


def change(name: str, before: float, after: float) -> str:
    """``74.2 → 98.0%``."""
    if name in SHARES:
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
    """``1 warning``, ``2 warnings``, ``2 passes``."""
    if count == 1:
        return f"1 {word}"
    return f"{count} {word}{'es' if word.endswith(('s', 'ch')) else 's'}"


def upper(sentence: str) -> str:
    """With a capital at its beginning, and as it is elsewhere."""
    return sentence[:1].upper() + sentence[1:]
