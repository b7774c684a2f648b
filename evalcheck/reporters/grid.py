"""Draws a sheet for a terminal: names that can be told apart, figures to the right, shares with a bar."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from evalcheck.reporters import names
from evalcheck.reporters.numbers import share
from evalcheck.reporters.sheet import Share, Sheet

# A bar of a whole, in cells: by the width from which on it is drawn so.
BARS = ((100, 20), (60, 10), (0, 0))
GAP = "  "
# Headers are folded into lines of this length; names are cut to no less than LEAST.
TITLE, LEAST = 11, 16
EIGHTHS = " ▏▎▍▌▋▊▉█"


def drawn(sheet: Sheet, width: int, whole_names: bool) -> Iterator[Text]:
    """The table's lines and those below it. ``whole_names`` cuts no name; one too long has its own line."""
    length = next(cells for least, cells in BARS if width >= least)
    titles = [_folded(header) for header in sheet.headers]
    cells = [[_cell(cell, length) for cell in row[1:]] for row in sheet.rows]
    widths = [
        max([*map(len, title), *(row[place].cell_len for row in cells)])
        for place, title in enumerate(titles[1:])
    ]
    room = width - sum(widths) - len(GAP) * len(widths)
    shown = sheet.names if whole_names or room < LEAST else names.shortened(sheet.names, room)
    first = max([len(line) for line in titles[0]] + [len(name) for name in shown if len(name) <= room])
    left = [any(isinstance(row[place], Share) for row in sheet.rows) for place in range(len(sheet.headers))]
    layout = list(zip([first, *widths], [True, *left[1:]], strict=True))
    yield from _headers(titles, layout)
    for name, row in zip(shown, cells, strict=True):
        if len(name) > room:
            yield Text(name)
        yield _row([Text(name if len(name) <= room else ""), *row], layout)
    if sheet.more:
        yield Text(sheet.more, style="dim")
    yield from (Text(aside, style="dim") for aside in sheet.asides)


Layout = list[tuple[int, bool]]


def _headers(titles: list[list[str]], layout: Layout) -> Iterator[Text]:
    """Lines that stand on the table."""
    height = max(map(len, titles))
    for line in range(height):
        cells = [
            Text(title[at], style="bold") if (at := line - height + len(title)) >= 0 else Text("")
            for title in titles
        ]
        yield _row(cells, layout)


def _row(cells: list[Text], layout: Layout) -> Text:
    padded = []
    for cell, (width, left) in zip(cells, layout, strict=True):
        space = " " * (width - cell.cell_len)
        padded.append(Text.assemble(cell, space) if left else Text.assemble(space, cell))
    row = Text(GAP).join(padded)
    row.rstrip()
    return row


def _folded(header: str) -> list[str]:
    lines = [""]
    for word in header.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > TITLE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _cell(cell: str | Share, length: int) -> Text:
    if not isinstance(cell, Share):
        return Text(cell)
    if cell.value is None:
        return Text("")
    return Text.assemble(f"{share(cell.value):>4} ", (bar(cell.value, length), "cyan"))


def bar(value: float, length: int) -> str:
    """A part of one as a bar of up to ``length`` cells, to an eighth of a cell."""
    eighths = round(max(0.0, min(1.0, value)) * length * 8)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
