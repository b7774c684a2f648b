"""How edges run: through the gaps between rows, and past boxes in lanes of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from evalcheck.picture import Box, Edge, Mode, Picture

ENTRY, EXIT = -2, -3
LANE, CLEAR = 13.0, 9.0


@dataclass(frozen=True, slots=True)
class Local:
    """An edge between two children of one box, or between a child and the box's own border."""

    source: int
    target: int
    only: Mode | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge with its way: where it starts, the lane in which it passes other rows, where it ends."""

    start: tuple[float, float]
    gaps: tuple[float, float, float, float]
    lane: float
    end: tuple[float, float]
    only: Mode | None

    @property
    def left(self) -> float:
        return min(self.start[0], self.lane, self.end[0])

    @property
    def right(self) -> float:
        return max(self.start[0], self.lane, self.end[0])

    def moved(self, by: float) -> Wire:
        """The same, further to the right."""
        (x, y), (u, v) = self.start, self.end
        return replace(self, start=(x + by, y), end=(u + by, v), lane=self.lane + by)


class Placed(Protocol):
    """A box with its place."""

    box: Box
    left: float
    top: float
    width: float
    height: float
    row: int

    @property
    def center(self) -> float: ...


def local(picture: Picture) -> dict[int, list[Local]]:
    """For each box that holds others the edges among its children and its border, by its key.

    The whole picture has the key -1.
    """
    above = _ancestors(picture.boxes, (-1,))
    found: dict[int, dict[tuple[int, int], set[Mode | None]]] = {}
    for edge in picture.edges:
        for holder, source, target in _pieces(edge, above):
            found.setdefault(holder, {}).setdefault((source, target), set()).add(edge.only)
    return {
        holder: [
            Local(*ends, next(iter(modes)) if len(modes) == 1 else None) for ends, modes in pieces.items()
        ]
        for holder, pieces in found.items()
    }


def _ancestors(boxes: Iterable[Box], above: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    found = {}
    for box in boxes:
        found[box.key] = above
        found |= _ancestors(box.children, (*above, box.key))
    return found


def _pieces(edge: Edge, above: dict[int, tuple[int, ...]]) -> Iterable[tuple[int, int, int]]:
    """The edge cut at every border that it crosses: (the box it runs in, from, to)."""
    out, into = (*above[edge.source], edge.source), (*above[edge.target], edge.target)
    shared = next(i for i, (one, two) in enumerate(zip(out, into, strict=False)) if one != two)
    yield out[shared - 1], out[shared], into[shared]
    for holder, child in zip(out[shared:], out[shared + 1 :], strict=False):
        yield holder, child, EXIT
    for holder, child in zip(into[shared:], into[shared + 1 :], strict=False):
        yield holder, ENTRY, child


def drawn(
    rows: Sequence[Sequence[Placed]],
    spots: Sequence[Placed],
    edges: Sequence[Local],
    head: float,
    low: float,
    gap: float,
) -> list[Wire]:
    """The wires of one box: short ones first, so that they get the inner lanes."""
    places = {spot.box.key: spot for spot in spots}
    tops = [min(s.top for s in row) for row in rows]
    ends = [max(s.top + s.height for s in row) for row in rows]
    tops, ends = [*tops, low], [head, *ends]
    taken: list[tuple[float, int, int]] = []
    wires = []
    order = sorted(
        edges, key=lambda e: _level(e.target, places, len(rows)) - _level(e.source, places, len(rows))
    )
    for edge in order:
        # Rows count from zero here: an edge runs from below row ``first`` - 1 to above row ``last``.
        first, last = _level(edge.source, places, len(rows)) + 1, _level(edge.target, places, len(rows))
        if last < first:
            continue
        source, target = places.get(edge.source), places.get(edge.target)
        start = (source.center, source.top + source.height) if source else (0.0, head)
        end = (target.center, target.top) if target else (0.0, low)
        between = [spot for row in rows[first:last] for spot in row]
        lane = _lane(start[0], end[0], between, taken, first, last)
        if last > first:
            taken.append((lane, first, last))
        gaps = (ends[first], tops[first], ends[last], tops[last])
        wires.append(Wire(start, gaps, lane, end, edge.only))
    return wires


def _level(key: int, places: dict[int, Placed], rows: int) -> int:
    if key == ENTRY:
        return -1
    return rows if key == EXIT else places[key].row


def _lane(
    start: float,
    end: float,
    between: list[Placed],
    taken: list[tuple[float, int, int]],
    first: int,
    last: int,
) -> float:
    """Where the rows between can be passed: straight on if nothing is in the way, else beside them."""
    if not between:
        return end
    beside = max(spot.left + spot.width for spot in between) + LANE
    for lane in (start, end, *(beside + LANE * k for k in range(40))):
        free = all(not spot.left - CLEAR < lane < spot.left + spot.width + CLEAR for spot in between)
        if free and all(abs(lane - x) >= CLEAR or b <= first or a >= last for x, a, b in taken):
            return lane
    return beside
