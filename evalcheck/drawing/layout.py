"""Where every box of the picture stands: rows from top to bottom, parallel branches side by side.

Each box that is drawn open is laid out by itself: its children in rows, by the longest way that
leads to them. Edges between boxes of different modules go over the borders of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from evalcheck.drawing import labels, routes
from evalcheck.drawing.labels import Label
from evalcheck.drawing.routes import ENTRY, Local, Wire
from evalcheck.picture import Box, Picture

GAP, BESIDE, MARGIN = 20.0, 24.0, 16.0
UNDER = 14.0
WIDEST = 1300.0


@dataclass(eq=False)
class Spot:
    """A box with its place. ``axis`` is where edges come in and go out, from the left border.

    ``left`` and ``top`` count from the corner of the box around it.
    """

    box: Box
    label: Label
    width: float
    height: float
    axis: float
    left: float = 0.0
    top: float = 0.0
    row: int = 0
    children: list[Spot] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)

    @property
    def center(self) -> float:
        """The axis, from the corner of the box around it."""
        return self.left + self.axis


def of(picture: Picture) -> Spot:
    """The whole picture as one spot without a border of its own."""
    local = routes.local(picture)
    whole = Box(-1, "", "", children=picture.boxes)
    return _placed(whole, "", local, head=0.0, side=0.0)


def _placed(box: Box, above: str, local: dict[int, list[Local]], head: float, side: float) -> Spot:
    label = labels.of(box, above)
    if not box.children:
        return Spot(box, label, label.width, label.height, label.width / 2)
    within = box.path or above
    spots = [_placed(child, within, local, labels.of(child, within).height, MARGIN) for child in box.children]
    _evened(spots)
    edges = local.get(box.key, [])
    rows = _rows(spots, edges)
    low = _stacked(rows, edges, head)
    wires = routes.drawn(rows, spots, edges, head, low, GAP)
    left = min([s.left for s in spots] + [w.left for w in wires]) - side
    right = max([s.left + s.width for s in spots] + [w.right for w in wires]) + side
    # The header may be wider than what it stands over.
    right = max(right, left + (label.width if head else 0))
    for spot in spots:
        spot.left -= left
    moved = [wire.moved(-left) for wire in wires]
    bottom = low if head else low - GAP
    return Spot(box, label, right - left, bottom, -left, children=spots, wires=moved)


def _evened(spots: list[Spot]) -> None:
    """Leaves of one module are equally wide, as far as they are alike."""
    leaves = [s for s in spots if not s.children and s.box.kind == "module"]
    widest = max((s.width for s in leaves), default=0.0)
    for spot in leaves:
        if spot.width > widest / 2:
            spot.width, spot.axis = widest, widest / 2


def _rows(spots: list[Spot], edges: list[Local]) -> list[list[Spot]]:
    """Each box one row below the lowest of those that lead to it; what nothing leads to, above its user."""
    ranks: dict[int, int] = {ENTRY: 0}
    numbers = {spot.box.key: number for number, spot in enumerate(spots)}
    loose = []
    previous = 0
    for spot in spots:
        key = spot.box.key
        sources = [e.source for e in edges if e.target == key and e.source in ranks]
        if sources:
            ranks[key] = previous = 1 + max(ranks[s] for s in sources)
        elif any(e.source == key for e in edges):
            loose.append(key)
            ranks[key] = 1
        else:
            ranks[key] = previous = previous + 1
    for key in reversed(loose):
        users = [ranks[e.target] for e in edges if e.source == key and e.target in numbers]
        ranks[key] = max(1, min(users, default=2) - 1)
    rows: dict[int, list[Spot]] = {}
    for spot in spots:
        rows.setdefault(ranks[spot.box.key], []).append(spot)
    split = [part for rank in sorted(rows) for part in _split(rows[rank])]
    for number, row in enumerate(split):
        for spot in row:
            spot.row = number
    return split


def _split(row: list[Spot]) -> list[list[Spot]]:
    """A row that would be too wide as several."""
    parts: list[list[Spot]] = [[]]
    for spot in row:
        if parts[-1] and sum(s.width + BESIDE for s in parts[-1]) + spot.width > WIDEST:
            parts.append([])
        parts[-1].append(spot)
    return parts


def _stacked(rows: list[list[Spot]], edges: list[Local], head: float) -> float:
    """Give every box its place, near those that lead to it, around an axis at zero. Returns the end."""
    centers: dict[int, float] = {ENTRY: 0.0}
    top = head + UNDER if head else 0.0
    for row in rows:
        wanted = {}
        for spot in row:
            sources = [centers[e.source] for e in edges if e.target == spot.box.key and e.source in centers]
            wanted[spot.box.key] = sum(sources) / len(sources) if sources else 0.0
        row.sort(key=lambda spot: wanted[spot.box.key])
        at = 0.0
        for spot in row:
            spot.left, spot.top = at, top
            at += spot.width + BESIDE
        shift = sum(wanted[s.box.key] - s.center for s in row) / len(row)
        for spot in row:
            spot.left += shift
            centers[spot.box.key] = spot.center
        top += max(spot.height for spot in row) + GAP
    return top
