"""Whether a report passes, for who asks with parentheses and for who asks without."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Literal

from evalcheck.terms import Severity


class Passing:
    """``report.ok("error")``, ``report.ok()`` and ``assert report.ok`` all say the same kind of thing.

    A bound method would be true whatever was found: a test that forgets the parentheses would always pass.
    """

    def __init__(self, at_least: Callable[[Severity], Sized]) -> None:
        self._at_least = at_least

    def __call__(self, fail_on: Severity | Literal["never"] = "warning") -> bool:
        """Whether nothing at or above ``fail_on`` was found."""
        return fail_on == "never" or not self._at_least(fail_on)

    def __bool__(self) -> bool:
        return self()

    def __eq__(self, other: object) -> bool:
        return bool(self) == other if isinstance(other, bool) else self is other

    def __hash__(self) -> int:
        return hash(bool(self))

    def __repr__(self) -> str:
        return repr(bool(self))
