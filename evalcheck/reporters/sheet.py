"""A table of the report, before anybody draws it."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE = "(the model itself)"
# So many rows are shown; -v shows all.
WORST = 8


@dataclass(frozen=True, slots=True)
class Share:
    """A part of one, drawn as a number with a bar; None where it was not measured."""

    value: float | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows under headers. The first column holds names, the others hold figures or shares.

    ``asides`` say how to read it, ``left`` counts the rows that only ``-v`` shows.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str | Share, ...], ...]
    asides: tuple[str, ...] = ()
    left: int = 0

    @property
    def names(self) -> list[str]:
        return [str(row[0]) for row in self.rows]

    @property
    def more(self) -> str:
        """A line about the rows that are left out; empty where there are none."""
        return f"and {self.left} more; -v shows all" if self.left else ""


def number(value: float | None, form: str = ".2g") -> str:
    """A figure, or nothing."""
    return "" if value is None else format(value, form)


def part(value: float | None) -> str:
    """A part of one in per cent, or nothing."""
    return "" if value is None else f"{round(value * 100)}%"
