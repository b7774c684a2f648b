"""The user's mistake, said in one line that names the thing and the way out."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Complaint(Exception):
    """Bad input. Doors print ``str(self)`` and end with status 2; no traceback of ours.

    ``detail`` is shown below the line: the user's own traceback, cut to the user's frames.
    """

    def __init__(self, line: str, detail: str = "") -> None:
        super().__init__(line)
        self.detail = detail


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` with the nearest known word, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def differentiates(refusal: str) -> bool:
    """Whether a model was refused for want of gradients: forces, say, are the slope of an energy."""
    return "does not require grad" in refusal
