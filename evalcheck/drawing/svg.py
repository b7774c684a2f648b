"""The picture as SVG that needs no other program: boxes in boxes, skips as curves, text that is text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from xml.sax.saxutils import escape

from evalcheck.drawing import layout, summary, words
from evalcheck.drawing.labels import EDGE, LINE, SMALL
from evalcheck.drawing.layout import Spot
from evalcheck.drawing.routes import Wire
from evalcheck.drawing.style import STYLE
from evalcheck.picture import Box, Picture

ROOM, TALLEST = 110, 2000.0
BORDER = 24.0
NARROWEST = 460.0
BEHIND = 4.0


def fits(shown: Picture) -> bool:
    """Whether it is not taller than a reader scrolls."""
    return layout.of(shown).height <= TALLEST


def render(picture: Picture, shown: Picture, **options: object) -> str:
    """A picture as wide as the model needs, readable on light and on dark pages."""
    spot = layout.of(shown)
    width = max(NARROWEST, spot.width + 2 * BORDER + BEHIND * 2)
    lines = textwrap.wrap(summary.sentence(picture), int((width - 2 * BORDER) / SMALL))
    head = BORDER + len(lines) * LINE + 6
    body = list(_inside(spot, (width - spot.width) / 2, head))
    foot = head + spot.height + 26
    legend, end = _legend(picture, shown, foot, width)
    height = end + BORDER / 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
            f"<title>{escape(summary.sentence(picture))}</title>",
            f"<style>{STYLE}</style>",
            *(_arrow(name) for name in ("both", "train", "eval")),
            f'<rect class="paper" width="{width:.0f}" height="{height:.0f}" rx="10"/>',
            *(_text(BORDER, BORDER + i * LINE, line, "head") for i, line in enumerate(lines)),
            *body,
            *legend,
            "</svg>\n",
        ]
    )


def _inside(spot: Spot, left: float, top: float) -> Iterator[str]:
    for wire in spot.wires:
        yield _wire(wire, left, top)
    for child in spot.children:
        yield from _drawn(child, left + child.left, top + child.top)


def _drawn(spot: Spot, left: float, top: float) -> Iterator[str]:
    """One box with all in it; a repetition has the edges of others behind it."""
    box, label = spot.box, spot.label
    yield f'<g class="{_classes(box)}"><title>{escape(_told(box))}</title>'
    if box.times > 1:
        for behind in (2, 1):
            yield _frame(spot, left + behind * BEHIND, top + behind * BEHIND, "behind")
        yield _frame(spot, left, top, "paper")
    yield _frame(spot, left, top, "frame")
    x, y = left + EDGE, top + LINE + 1
    kind = f'<tspan class="kind" dx="6">{escape(label.beside)}</tspan>' if label.beside else ""
    yield f'<text x="{x:.1f}" y="{y:.1f}"><tspan class="name">{escape(label.name)}</tspan>{kind}</text>'
    for line, style in ((label.shapes, "shape"), (label.marks, "marks")):
        if line:
            y += LINE
            yield _text(x, y, line, style)
    if sign := words.sign(box):
        yield f'<circle class="badge" cx="{left + spot.width:.1f}" cy="{top:.1f}" r="8"/>'
        yield _text(left + spot.width, top + 4, sign, "sign")
    yield "</g>"
    yield from _inside(spot, left, top)


def _frame(spot: Spot, left: float, top: float, style: str) -> str:
    round = spot.height / 2 if spot.box.kind in ("operation", "input", "output") else 7
    return (
        f'<rect class="{style}" x="{left:.1f}" y="{top:.1f}" width="{spot.width:.1f}" '
        f'height="{spot.height:.1f}" rx="{round:.0f}"/>'
    )


def _classes(box: Box) -> str:
    sign = words.sign(box)
    differs = "differs" if sign == words.DIFFERS and not box.children else ""
    stuck = "stuck" if sign == words.STUCK else ""
    opened = "open" if box.children else ""
    failed = "failed" if box.failed else ""
    return " ".join(filter(None, (box.kind, box.role, opened, differs, stuck, failed, box.only or "")))


def _told(box: Box) -> str:
    """What a pointer that rests on the box is told: the full name above all."""
    return ", ".join(
        filter(None, (f"{words.name(box)} {words.kind(box)}".strip(), words.flow(box), words.marks(box)))
    )


def _wire(wire: Wire, left: float, top: float) -> str:
    """Down to the end of the row, over to the lane through the gap, past the rows, over to the target."""

    def bend(x: float, y: float, u: float, v: float) -> str:
        middle = (y + v) / 2
        return f"C{x:.1f} {middle:.1f} {u:.1f} {middle:.1f} {u:.1f} {v:.1f}"

    (x, y), (u, _) = wire.start, wire.end
    x, u, lane = x + left, u + left, wire.lane + left
    out, below, before, into = (at + top for at in wire.gaps)
    way = [f"M{x:.1f} {y + top:.1f}", f"V{out:.1f}"]
    if before > below:
        way += [bend(x, out, lane, below), f"V{before:.1f}", bend(lane, before, u, into - 1)]
    else:
        way.append(bend(x, out, lane, into - 1))
    name = wire.only or "both"
    return f'<path class="wire {name}" d="{"".join(way)}" marker-end="url(#to-{name})"/>'


def _arrow(name: str) -> str:
    return (
        f'<marker id="to-{name}" class="arrow {name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0.8L8 4L0 7.2z"/></marker>'
    )


def _text(x: float, y: float, line: str, style: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(line)}</text>'


def _legend(picture: Picture, shown: Picture, top: float, width: float) -> tuple[list[str], float]:
    """What the colours and signs mean, as far as they occur; and where that ends."""
    drawn = list(shown.walk())
    signs = {words.sign(box) for box in drawn}
    items = [
        (any(b.role == "norm" for b in drawn), "module norm", "", "norm"),
        (any(b.role in ("noise", "dropout") for b in drawn), "module noise", "", "dropout or random"),
        (words.STUCK in signs, "module plain stuck", words.STUCK, "still on in eval: not switched off"),
        (words.DIFFERS in signs, "module plain differs", words.DIFFERS, "differs: train | eval"),
        (words.TRAIN in signs, "module plain train", words.TRAIN, "train mode only"),
        (words.EVAL in signs, "module plain eval", words.EVAL, "eval mode only"),
        (words.STOPPED in signs, "module plain failed", words.STOPPED, "the forward stopped here"),
    ]
    out, x, y = [], BORDER, top
    for there, style, sign, what in items:
        if not there:
            continue
        size = 22 + SMALL * len(what) + 22
        if x > BORDER and x + size > width - BORDER:
            x, y = BORDER, y + LINE + 4
        out.append(
            f'<g class="{style}"><rect class="frame" x="{x}" y="{y - 10}" width="16" height="13" rx="3"/></g>'
        )
        if sign:
            out.append(f'<g class="{style}">{_text(x + 8, y + 0.5, sign, "key")}</g>')
        out.append(_text(x + 22, y, what, "kind"))
        x += size
    said = [
        *shown.folded,
        *(() if shown.shaped else ("Traced symbolically: shapes are not known",)),
        *picture.gaps,
        *map(words.noted, picture.notes),
    ]
    for line in said:
        for part in textwrap.wrap(line, int((width - 2 * BORDER) / SMALL)):
            y += LINE
            out.append(_text(BORDER, y + 4, part, "kind"))
    return out, y + 12
