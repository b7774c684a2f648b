"""What stands on a box of the picture, and how much room it takes in a font of even width."""

from __future__ import annotations

from dataclasses import dataclass

from evalcheck.drawing import words
from evalcheck.picture import Box

CHARACTER = 7.25
SMALL = 6.35
LONGEST = 44
EDGE = 12
LINE = 16


@dataclass(frozen=True, slots=True)
class Label:
    """The lines of a box: its name with what stands beside it, its shapes, what it does."""

    name: str
    beside: str
    shapes: str
    marks: str

    @property
    def width(self) -> float:
        """In pixels, with the margins."""
        first = CHARACTER * len(self.name) + SMALL * (len(self.beside) + 1)
        return max(first, *(SMALL * len(line) for line in (self.shapes, self.marks))) + 2 * EDGE

    @property
    def height(self) -> float:
        return (1 + bool(self.shapes) + bool(self.marks)) * LINE + 10


def of(box: Box, above: str) -> Label:
    """The label of a box inside the module of path ``above``, whose name goes without saying."""
    name, marks = words.cut(words.name(box, above), LONGEST), words.cut(words.marks(box), LONGEST + 12)
    kind, flow = words.kind(box), words.flow(box)
    if marks == "norm":  # its colour says as much
        marks = ""
    together = f"{kind}  {flow}".strip()
    if "→" in flow or len(name) + len(together) > LONGEST:
        return Label(name, kind, flow, marks)
    return Label(name, together, "", marks)
