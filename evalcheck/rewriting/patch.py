"""Fixes put into text: each whole or not at all, and only where the result is still valid.

A text is given in pieces by cell: a file of Python is one piece, ``None``; a notebook one for each of
its code cells. Outside of the edits every character stays as it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from evalcheck.finding import Edit, Fix, Span
from evalcheck.source.lines import LINE_END

Cell = int | None
Pieces = Mapping[Cell, str]
Valid = Callable[[Cell, str], bool]


@dataclass(frozen=True, slots=True)
class Change:
    """New text for the characters from ``start`` to ``end`` of one piece."""

    cell: Cell
    start: int
    end: int
    text: str

    @property
    def grown(self) -> int:
        """By how many characters the text gets longer."""
        return len(self.text) - (self.end - self.start)

    def touches(self, other: Change) -> bool:
        """Whether both concern one place; two insertions at one point do, as their order would matter."""
        return self.cell == other.cell and self.start <= other.end and other.start <= self.end


@dataclass(frozen=True, slots=True)
class Patched:
    """The pieces after some fixes, the places of those that were taken, and what changed."""

    pieces: Pieces
    taken: tuple[int, ...]
    changes: tuple[Change, ...]


class Ruler:
    """Where lines and columns lie in a text."""

    def __init__(self, text: str) -> None:
        ends = list(LINE_END.finditer(text))
        self._starts = [0, *(match.end() for match in ends)]
        self._stops = [*(match.start() for match in ends), len(text)]
        self._ends = [match.group() for match in ends]

    def offset(self, line: int, column: int) -> int | None:
        """The number of characters before a position; None where there is no such position."""
        if not 0 < line <= len(self._starts) or column < 1:
            return None
        offset = self._starts[line - 1] + column - 1
        return offset if offset <= self._stops[line - 1] else None

    def line_end(self, offset: int) -> str:
        """What ends the line at an offset; the line before it where this is the last."""
        line = bisect_right(self._starts, offset) - 1
        return self._ends[min(line, len(self._ends) - 1)] if self._ends else "\n"


def patch(pieces: Pieces, fixes: Sequence[Fix], valid: Valid) -> Patched:
    """As many of the fixes as go together. Where the result is not valid, they are tried one by one."""
    rulers = {cell: Ruler(text) for cell, text in pieces.items()}
    wanted: list[tuple[int, tuple[Change, ...]]] = []
    for place, fix in enumerate(fixes):
        changes = _changes(fix, rulers)
        if changes is not None:
            wanted.append((place, changes))
    wanted.sort(key=lambda one: [(c.cell or 0, c.start, c.end) for c in one[1]])
    taken: list[tuple[int, tuple[Change, ...]]] = []
    for place, changes in wanted:
        if not any(_conflict(changes, others) for _, others in taken):
            taken.append((place, changes))
    if not _holds(pieces, [c for _, some in taken for c in some], valid):
        taken = _one_by_one(pieces, taken, valid)
    every = _ordered(c for _, some in taken for c in some)
    return Patched(_applied(pieces, every), tuple(place for place, _ in taken), tuple(every))


def _changes(fix: Fix, rulers: Mapping[Cell, Ruler]) -> tuple[Change, ...] | None:
    """A fix's edits as offsets, in order; None where one has no place or two of them overlap."""
    found: list[Change] = []
    for edit in fix.edits:
        change = _change(edit, rulers)
        if change is None:
            return None
        found.append(change)
    ordered = _ordered(found)
    clash = any(a.cell == b.cell and a.end > b.start for a, b in pairwise(ordered))
    return None if clash or not ordered else tuple(ordered)


def _change(edit: Edit, rulers: Mapping[Cell, Ruler]) -> Change | None:
    span: Span = edit.span
    ruler = rulers.get(span.cell)
    if ruler is None:
        return None
    start, end = ruler.offset(span.line, span.column), ruler.offset(span.end_line, span.end_column)
    if start is None or end is None or start > end:
        return None
    return Change(span.cell, start, end, LINE_END.sub(lambda _: ruler.line_end(start), edit.text))


def _conflict(some: Iterable[Change], others: Sequence[Change]) -> bool:
    return any(one.touches(other) for one in some for other in others)


def _one_by_one(
    pieces: Pieces, wanted: list[tuple[int, tuple[Change, ...]]], valid: Valid
) -> list[tuple[int, tuple[Change, ...]]]:
    taken: list[tuple[int, tuple[Change, ...]]] = []
    for one in wanted:
        if _holds(pieces, [c for _, some in (*taken, one) for c in some], valid):
            taken.append(one)
    return taken


def _holds(pieces: Pieces, changes: list[Change], valid: Valid) -> bool:
    after = _applied(pieces, _ordered(changes))
    return all(valid(cell, after[cell]) for cell in {change.cell for change in changes})


def _ordered(changes: Iterable[Change]) -> list[Change]:
    """By place; insertions at one point, which only one fix can make, stay in its order."""
    return sorted(changes, key=lambda c: (c.cell or 0, c.start, c.end))


def _applied(pieces: Pieces, changes: Sequence[Change]) -> Pieces:
    """The pieces after changes that are in order and do not overlap."""
    after = dict(pieces)
    for cell in {change.cell for change in changes}:
        text, parts, at = pieces[cell], list[str](), 0
        for change in changes:
            if change.cell == cell:
                parts += [text[at : change.start], change.text]
                at = change.end
        after[cell] = "".join([*parts, text[at:]])
    return after
