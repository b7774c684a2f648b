"""The seconds that an examination may take: what would begin after them is not run, and said to be so."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable

Answer = TypeVar("Answer")
Other = TypeVar("Other")

# A slow loader is left at half of its samples when it has taken half of the time: with fewer, statistics
# would be noise that looks like a fault.
HALF = 0.5


class OutOfTime(Unanswerable):
    """The budget ended before the question was answered. What was measured until then counts."""


@dataclass
class Budget:
    """``seconds`` of wall time from the moment it is made; None is no limit.

    Every run of the model asks before each of its batches, so that a run under way ends at the next one.
    ``refused`` says that some run was not made for it.
    Raises :class:`Complaint` for what is no time to spend.
    """

    seconds: float | None = None
    started: float = field(default_factory=lambda: _now())
    refused: bool = False

    def __post_init__(self) -> None:
        if self.seconds is not None:
            check(self.seconds)

    def spent(self, share: float = 1.0) -> bool:
        """Whether that share of the time is over."""
        return self.seconds is not None and _now() - self.started >= share * self.seconds

    def is_short(self, drawn: int, samples: int) -> bool:
        """Whether no more samples should be drawn: at half the time half of them do."""
        return self.spent() or (drawn >= HALF * samples and self.spent(HALF))

    def demand(self) -> None:
        """Raise :class:`OutOfTime` where nothing is left of it."""
        if self.spent():
            self.refused = True
            raise OutOfTime(self.reason)

    @property
    def reason(self) -> str:
        """Why something was not asked."""
        return f"the budget of {self.seconds:g} s was spent"


def check(seconds: object) -> None:
    """Raise :class:`Complaint` unless this is a number of seconds above zero."""
    number = seconds if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) else 0
    if not (math.isfinite(number) and number > 0):
        raise Complaint(f"the budget must be a number of seconds above 0, not {seconds!r}")


def _now() -> float:
    return time.monotonic()


def affordable(ask: Callable[[], Answer], otherwise: Other) -> Answer | Other:
    """What is asked, where there is time for it."""
    try:
        return ask()
    except OutOfTime:
        return otherwise
