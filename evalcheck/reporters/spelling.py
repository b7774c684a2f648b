"""Reports where an encoding does not have their signs."""

from __future__ import annotations

# What stands in for the signs of a report where an encoding does not have them.
SPELLED: dict[str, str | int | None] = {
    **dict.fromkeys("█▉▊▋▌▍", "#"),
    **dict.fromkeys("▎▏", ""),
    "│": "|",
    "→": "->",
    "…": "...",
}


def spelled(text: str, encoding: str | None) -> str:
    """The text with the signs that the encoding lacks written in others, so far as there are any."""
    lacking = {sign: other for sign, other in SPELLED.items() if not _holds(encoding or "utf8", sign)}
    return text.translate(str.maketrans(lacking)) if lacking else text


def _holds(encoding: str, sign: str) -> bool:
    try:
        sign.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
