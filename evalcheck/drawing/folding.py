"""Makes a picture small enough to look at: details left out, depths closed, repetitions folded.

Each step says what became of a box, so that edges can follow: they end at what stands for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from evalcheck.drawing import flows, repeats, words
from evalcheck.drawing.summary import counted
from evalcheck.picture import Box, Picture

DEEP = 99


def fit(picture: Picture, room: int, fits: Callable[[Picture], bool] | None = None) -> Picture:
    """The deepest folding of at most ``room`` boxes that ``fits``, where the format asks for more.

    Blocks of unequal shapes are told apart where there is room for it.
    """
    shown = picture
    for depth in range(_depth(picture.boxes), 0, -1):
        opened = _opened(picture, depth, detail=False)
        edges = flows.between(picture, opened)
        for alike in (False, True):
            boxes = repeats.folded(opened, edges, alike)
            last = depth == 1 and alike
            if last or sum(1 for _ in _each(boxes)) <= room:
                shown = _said(picture, boxes)
                if last or fits is None or fits(shown):
                    return shown
    return shown


def fold(picture: Picture, depth: int | None = None, detail: bool = False) -> Picture:
    """The picture down to ``depth`` levels of modules.

    ``detail`` keeps every operation and unfolds repetitions.
    """
    boxes = _opened(picture, depth or DEEP, detail)
    if detail:
        return replace(picture, boxes=boxes, edges=flows.between(picture, boxes))
    return _said(picture, repeats.folded(boxes, flows.between(picture, boxes), alike=False))


def _opened(picture: Picture, depth: int, detail: bool) -> tuple[Box, ...]:
    return tuple(small for box in picture.boxes for small in _shown(box, depth, detail))


def _said(picture: Picture, boxes: tuple[Box, ...]) -> Picture:
    """The folded picture, and in words what was folded."""
    said = []
    closed = {k for b in _each(boxes) if b.inside for k in b.stands or (b.key,)}
    hidden = sum(i.kind == "module" for b in picture.walk() if b.key in closed for i in b.walk()) - len(
        closed
    )
    if hidden > 0:
        said.append(f"Folded: {counted(hidden, 'module call')} inside of modules that are drawn closed")
    repeated = [box for box in _each(boxes) if box.times > 1]
    if any(not words.again(box) for box in repeated):
        said.append("Folded: neighbours of the same structure, drawn once (×N)")
    if any(map(words.again, repeated)):
        said.append("Folded: calls of the same module, drawn once (called N times)")
    if left := _left_out(picture):
        said.append(left)
    return replace(picture, boxes=boxes, edges=flows.between(picture, boxes), folded=tuple(said))


def _shown(box: Box, depth: int, detail: bool) -> Iterator[Box]:
    """The box as it is drawn with ``depth`` levels left; nothing where it is left out."""
    if not detail and (box.plumbing or (box.passes and not box.failed)):
        return
    if not box.children:
        yield box
        return
    if box.kind == "module" and (depth <= 1 or (not detail and _is_leaf(box))):
        yield replace(box, children=(), inside=tuple(inner for c in box.children for inner in c.walk()))
        return
    children = tuple(small for child in box.children for small in _shown(child, depth - 1, detail))
    # That the parts are called as often as the whole goes without saying.
    told = (replace(c, calls=1) if c.calls == box.calls and c.path != box.path else c for c in children)
    yield replace(box, children=tuple(told))


def _is_leaf(box: Box) -> bool:
    """A norm or a noise, or a module that calls no other: how it does it is its own affair.

    The model itself is drawn open.
    """
    return bool(box.path) and (
        box.role != "plain" or all(child.kind == "operation" for child in box.children)
    )


def _left_out(picture: Picture) -> str:
    plumbing = sum(box.plumbing for box in picture.walk())
    passing = sum(box.passes and not box.failed for box in picture.walk())
    parts = (
        [f"{counted(plumbing, 'operation')} for moving, reshaping and comparing values"] if plumbing else []
    )
    parts += [f"{counted(passing, 'module call')} without an effect, as of nn.Identity"] if passing else []
    return f"Left out: {' and '.join(parts)}" if parts else ""


def _depth(boxes: tuple[Box, ...]) -> int:
    return max((1 + _depth(box.children) for box in boxes if box.kind == "module"), default=0)


def _each(boxes: tuple[Box, ...]) -> Iterator[Box]:
    for box in boxes:
        yield from box.walk()
