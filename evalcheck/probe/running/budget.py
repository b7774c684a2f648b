"""The seconds that an examination may take: what would begin after them is not run, and said to be so."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable

Answer, Other = TypeVar("Answer"), TypeVar("Other")

# Samples are drawn first, and nothing was measured when they took all the time.
FOR_DRAWING = 0.5


class OutOfTime(Unanswerable):
    """The budget ended before the question was answered. What was measured until then counts."""


@dataclass
class Budget:
    """``seconds`` of wall time from the moment it is made; None is no limit.

    Every run of the model asks before each of its batches, so that a run under way ends at the next one.
    Raises :class:`Complaint` for what is no time to spend.
    """

    seconds: float | None = None
    started: float = field(default_factory=lambda: _now())

    def __post_init__(self) -> None:
        if self.seconds is not None:
            check(self.seconds)

    def spent(self, share: float = 1.0) -> bool:
        """Whether that share of the time is over."""
        return self.seconds is not None and _now() - self.started >= share * self.seconds

    def demand(self) -> None:
        """Raise :class:`OutOfTime` where nothing is left of it."""
        if self.spent():
            raise OutOfTime(self.reason)

    @property
    def reason(self) -> str:
        """Why something was not asked."""
        return f"the budget of {self.seconds:g} s was spent: give more, or leave out --budget"


def check(seconds: object) -> None:
    """Raise :class:`Complaint` unless this is a number of seconds above zero."""
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not (number and math.isfinite(seconds) and seconds > 0):  # type: ignore[arg-type]
        raise Complaint(f"the budget must be a number of seconds above 0, not {seconds!r}")


def _now() -> float:
    return time.monotonic()


def affordable(ask: Callable[[], Answer], otherwise: Other) -> Answer | Other:
    """What is asked, where there is time for it."""
    try:
        return ask()
    except OutOfTime:
        return otherwise
