"""What a drawing shows of a model: boxes in boxes, and what flows between them. Plain data, no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["train", "eval"]
View = Literal["train", "eval", "diff"]
Kind = Literal["module", "operation", "input", "output", "steps"]
Role = Literal["plain", "norm", "dropout", "noise"]
Shape = tuple[int, ...]

BATCH = "batch statistics"


@dataclass(frozen=True, slots=True)
class Box:
    """One call of one module, one operation of a module's own forward, or what goes in and out.

    ``key`` grows in the order of execution. ``path`` is the name in ``named_modules()``: of the
    module, or of the one whose forward calls the operation. ``role`` is ``noise`` for what draws
    random numbers and is no dropout. ``inputs`` and ``outputs`` are the shapes of tensors.
    ``train`` and ``eval`` say what a norm or a noise does in that mode, None where that was not
    seen. ``only`` is the mode that alone reached it. ``call`` counts from zero, ``calls`` is how
    often the module is called in all. ``plumbing`` only moves or reshapes values, ``passes`` hands
    on what it is given, ``failed`` is where the forward stopped.

    A drawing that folds boxes adds ``times`` (equal neighbours shown as one), ``names`` (those of
    the first and the last of them), ``abreast`` (they are calls of the same modules, and none takes
    what another gives), ``varies`` (their shapes or rates differ), ``inside`` (what is
    hidden in it), ``stands`` (the keys of all boxes that it stands for) and ``rounds`` (for each
    repetition that is drawn here, the keys of the boxes in each of its rounds).
    """

    key: int
    path: str
    label: str
    class_name: str = ""
    kind: Kind = "module"
    role: Role = "plain"
    inputs: tuple[Shape, ...] = ()
    outputs: tuple[Shape, ...] = ()
    train: str | None = None
    eval: str | None = None
    only: Mode | None = None
    call: int = 0
    calls: int = 1
    plumbing: bool = False
    passes: bool = False
    failed: bool = False
    children: tuple[Box, ...] = ()
    times: int = 1
    names: tuple[str, ...] = ()
    abreast: bool = False
    varies: bool = False
    inside: tuple[Box, ...] = ()
    stands: tuple[int, ...] = ()
    rounds: tuple[tuple[tuple[int, ...], ...], ...] = ()

    @property
    def differs(self) -> bool:
        """Whether it runs in both modes, and does something else in each."""
        return self.only is None and None not in (self.train, self.eval) and self.train != self.eval

    @property
    def stuck(self) -> bool:
        """Whether eval mode does not switch off what it should: dropout, noise, the batch's statistics.

        What runs in eval mode alone was never switched on by training: that is marked as such.
        """
        if self.only is not None or self.eval in (None, "", "off", "p=0"):
            return False
        return self.role in ("dropout", "noise") or (self.role == "norm" and self.eval == BATCH)

    def walk(self) -> Iterator[Box]:
        """The box and all that is in it, in the order of execution."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Edge:
    """A value goes from one box to another, in both modes or in ``only`` one."""

    source: int
    target: int
    only: Mode | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole model: the outermost boxes, the edges between the innermost, and what is missing.

    ``shaped`` is False where nothing was run and shapes are unknown; ``chance`` is True where Python's
    or numpy's global generator was drawn from, so that another run may take another way.
    """

    title: str
    view: View
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...] = ()
    gaps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shaped: bool = True
    chance: bool = False
    folded: tuple[str, ...] = field(default=())

    def walk(self) -> Iterator[Box]:
        """Every box, the outer before the inner."""
        for box in self.boxes:
            yield from box.walk()
