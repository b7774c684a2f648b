"""The picture as a tree for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.text import Text

from evalcheck.console import paper
from evalcheck.drawing import summary, words
from evalcheck.picture import Box, Picture

ROOM = 44
COLOURS = {"norm": "cyan", "noise": "yellow", "dropout": "yellow", "plain": ""}
SIGNS = {
    words.DIFFERS: "bold red",
    words.TRAIN: "bold green",
    words.EVAL: "bold magenta",
    words.STOPPED: "bold red",
    words.STUCK: "bold white on red",
}
GAP = 2
# What the columns need at least where it is tight.
NAMES, KINDS, SHAPES, MARKS = 24, 12, 12, 21
# And where it is tighter still: what a norm or a dropout does is why one looks.
LEAST = 7


def render(
    picture: Picture, shown: Picture, *, color: bool, width: int, quiet: bool = False, verbose: bool = False
) -> str:
    """The summary, the tree of ``shown``, and what the signs mean; no line is longer than ``width``."""
    console, file = paper(width=width, color=color)
    console.print(Text(summary.sentence(picture), style="bold"))
    console.print()
    for line in _table(shown, width):
        console.print(line, no_wrap=True, overflow="crop", soft_wrap=False)
    if not quiet:
        for line in _legend(picture, shown, verbose):
            console.print(line)
    lines = [line.rstrip() for line in file.getvalue().split("\n")]
    return "\n".join(lines).strip("\n") + "\n"


def _table(shown: Picture, width: int) -> Iterator[Text]:
    """The rows, with whole names if there is room for them, else with the names inside the module above."""
    for whole in (True, False):
        rows = [row for box in shown.boxes for row in _rows(box, "", "", "", whole)]
        columns = _widths(rows, width, tight=not whole)
        if columns is not None:
            break
    assert columns is not None
    for row in rows:
        yield _line(row, columns, width)
    if not whole:
        yield Text()
        yield Text("Names are shortened: each continues the name of the module around it.", "dim")


@dataclass(frozen=True, slots=True)
class _Row:
    branch: str
    name: str
    box: Box


def _rows(box: Box, branch: str, under: str, above: str, whole: bool) -> Iterator[_Row]:
    """The box and all in it, each with the branches of the tree in front of it."""
    yield _Row(branch, words.name(box, "" if whole else above), box)
    for child in box.children:
        last = child is box.children[-1]
        twig, rest = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _rows(child, under + twig, under + rest, box.path or above, whole)


def _widths(rows: list[_Row], width: int, *, tight: bool) -> tuple[int, int, int] | None:
    """Columns for names, classes and shapes; None where they do not fit and need not be made ``tight``."""

    def widest(cells: Iterable[str]) -> int:
        return max(map(len, cells), default=0)

    names = max((len(row.branch) + len(row.name) for row in rows), default=0)
    kinds = widest(words.kind(row.box) for row in rows)
    told = widest(words.deed(row.box) for row in rows)
    marks = max(told, min(widest(words.marks(row.box) for row in rows), max(MARKS, width // 4)))
    room = width - 2 - 3 * GAP
    flows = widest(words.flow(row.box) for row in rows)
    if names + kinds + flows + marks > room:
        # What comes out is shorter than what goes in and out.
        flows = min(flows, widest(words.shapes(row.box) for row in rows))
    over = names + kinds + flows + marks - room
    if over > 0 and not tight:
        return None
    kinds, over = _shrunk(kinds, over, KINDS)
    flows, over = _shrunk(flows, over, SHAPES)
    names, over = _shrunk(names, over, NAMES)
    kinds, over = _shrunk(kinds, over, LEAST)
    # A branch and a letter or two of the name must be left, or the columns do not stand under each other.
    names, over = _shrunk(names, over, max(len(row.branch) for row in rows) + LEAST)
    flows, over = _shrunk(flows, over, LEAST)
    return names, kinds, flows


def _shrunk(size: int, over: int, least: int) -> tuple[int, int]:
    """A column made smaller by what is ``over``, but not below its least; and what is over still."""
    taken = max(0, min(over, size - least))
    return size - taken, over - taken


def _line(row: _Row, columns: tuple[int, int, int], width: int) -> Text:
    names, kinds, flows = columns
    box = row.box
    sign, colour = words.sign(box), COLOURS[box.role]
    line = Text.assemble((f"{sign:<2}", SIGNS.get(sign, "")), (row.branch, "dim"))
    line.append(
        _short(row.name, names - len(row.branch)), "italic" if box.kind != "module" else colour or "bold"
    )
    line.pad_right(max(0, 2 + names + GAP - len(line)))
    line.append(words.kind(box, kinds), "dim")
    line.pad_right(max(0, 2 + names + kinds + 2 * GAP - len(line)))
    line.append(words.cut(_fitting(box, flows), flows))
    line.pad_right(max(0, 2 + sum(columns) + 3 * GAP - len(line)))
    line.append(words.cut(words.marks(box), max(0, width - len(line))), SIGNS.get(sign, colour))
    return line


def _fitting(box: Box, room: int) -> str:
    """What goes in and out if there is room for it, else what comes out."""
    whole = words.flow(box)
    return whole if len(whole) <= room else words.shapes(box)


def _short(name: str, room: int) -> str:
    """A name is known by its end."""
    return name if len(name) <= room else "…" + name[len(name) - max(1, room - 1) :]


def _legend(picture: Picture, shown: Picture, verbose: bool) -> Iterator[Text]:
    drawn = list(shown.walk())
    signs = {words.sign(box) for box in drawn}
    told = words.SIGNS.items()
    lines = [Text.assemble((sign, SIGNS[sign]), f" {what}") for sign, what in told if sign in signs]
    lines += [Text(f"{what}.", "dim") for what in shown.folded]
    if shown.folded and not verbose:
        lines.append(Text("-v shows everything, --depth N another depth.", "dim"))
    if not picture.shaped and drawn:
        lines.append(Text("Traced symbolically, without an input: shapes are not known.", "dim"))
    lines += [Text(words.noted(note), "dim") for note in picture.notes]
    if lines:
        yield Text()
        yield from lines
