"""The words of a drawing: shapes, names of folded boxes, what a mark says."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

from evalcheck.drawing.summary import counted
from evalcheck.picture import Box, Shape

DIFFERS, TRAIN, EVAL, STOPPED, STUCK = "≠", "T", "E", "✗", "!"
# How many shapes stand on a box, and on the boxes of what goes into the model and comes out of it.
SHAPES, ENDS = 2, 6
MANY = 3
# What the signs say, in the order of a legend.
SIGNS = {
    STUCK: "still on in eval mode: not switched off",
    DIFFERS: "runs in both modes but not alike: left of | is train mode, right of it eval mode",
    TRAIN: "runs in train mode only",
    EVAL: "runs in eval mode only",
    STOPPED: "the forward stopped here",
}
NOUNS = {"norm": "norm", "dropout": "dropout", "noise": "random"}
_NUMBER = re.compile(r"\d+$")


def shape(size: Shape) -> str:
    """``8x64x56x56``; a scalar is ``1``."""
    return "x".join(map(str, size)) or "1"


def shapes(box: Box) -> str:
    """What comes out of a box, of several the first two; what goes in, for a model's output."""
    sizes = box.outputs or (box.inputs if box.kind == "output" else ())
    return listed(sizes, SHAPES if box.kind == "operation" or box.path else ENDS)


def listed(sizes: tuple[Shape, ...], most: int) -> str:
    """``8x784, 8x8, 8x8``; many equal ones in a row as ``6 x 8x4x10x16``; the first ``most`` of these."""
    runs = [(size, len(list(run))) for size, run in groupby(sizes)]
    told = []
    for size, count in runs:
        told += [f"{count} x {shape(size)}"] if count >= MANY else [shape(size)] * count
    return ", ".join(told[:most]) + (", …" if len(told) > most else "")


def flow(box: Box) -> str:
    """For a box that holds others, also what goes in."""
    given, made = listed(box.inputs, SHAPES if box.path else ENDS), shapes(box)
    opened = box.kind == "module" and (box.children or box.inside)
    return f"{given} → {made}" if opened and given and made and given != made else made


def name(box: Box, above: str = "") -> str:
    """The name in ``named_modules()``, less that of ``above``; ``layers.0 … 11`` for a repetition."""
    names = [part.removeprefix(f"{above}.") if above else part for part in box.names or (box.label,)]
    first, last = names[0], names[-1]
    if first == last:
        return first or ("(model)" if box.kind == "module" else "")
    stem = _NUMBER.sub("", first)
    return f"{first} … {last.removeprefix(stem) if stem and last.startswith(stem) else last}"


def kind(box: Box, room: int = 99) -> str:
    """The class, and how often in a row; a class that is too long loses its end."""
    what = f"{len(box.children)} steps" if box.kind == "steps" else box.class_name
    times = f" × {box.times}" if box.times > 1 and not again(box) else ""
    return cut(what, room - len(times)) + times


def again(box: Box) -> bool:
    """Whether what is folded here are calls of one module, not several modules that are alike."""
    return box.kind == "module" and box.times > 1 and len(set(box.names)) == 1


def noted(note: str) -> str:
    """A note as it stands below the drawing."""
    return note[:1].upper() + note[1:]


def cut(text: str, room: int) -> str:
    """The beginning of a text that does not fit."""
    return text if len(text) <= room else text[: max(0, room - 1)] + "…"


def sign(box: Box) -> str:
    """The mark in front of a line: the box, or something hidden in it, is not the same in both modes."""
    if box.failed:
        return STOPPED
    if box.only is not None:
        return TRAIN if box.only == "train" else EVAL
    hidden = [box, *box.inside]
    if box.times > 1:
        hidden += [inner for child in box.children for i in child.walk() for inner in (i, *i.inside)]
    if any(inner.stuck for inner in hidden):
        return STUCK
    return DIFFERS if any(inner.differs or inner.only for inner in hidden) else ""


def deed(box: Box) -> str:
    """What a norm or a noise does: ``norm: batch | running statistics``, ``dropout: p=0.5 | off``."""
    if box.role == "plain":
        return ""
    noun = NOUNS[box.role]
    states = [state for state in (box.train, box.eval) if state is not None]
    if not any(states):
        return noun
    if not box.differs:
        done = next(state for state in states if state)
        return noun if done == noun else f"{noun}: {done}"
    train, eval = str(box.train), str(box.eval)
    shared = " statistics"
    if train.endswith(shared) and eval.endswith(shared):
        train, eval = train.removesuffix(shared), eval.removesuffix(shared)
    return f"{noun}: {train} | {eval}".replace("random: random", "random: on")


def marks(box: Box) -> str:
    """All that is to be said of a box, in few words."""
    said = [deed(box)]
    if box.failed:
        said.append("the forward stopped here")
    if box.only is not None:
        said.append(f"{box.only} only")
    if box.calls > 1 and box.kind == "module":
        said.append(_calls(box))
    if box.abreast:
        said.append("side by side")
    if box.varies and box.role == "dropout":
        said.append("rates vary")
    if box.role == "plain":
        said.append(_hidden(box))
    return ", ".join(part for part in said if part)


def _calls(box: Box) -> str:
    """Which of the calls of its module a box is."""
    if len(box.stands) >= box.calls:
        return f"called {box.calls} times"
    if again(box):
        return f"calls {box.call + 1} to {box.call + box.times} of {box.calls}"
    return f"call {box.call + 1} of {box.calls}"


def _within(operation: Box, modules: list[Box]) -> bool:
    """Whether the operation is what makes the module around it a norm or a noise: they count once."""
    return any(module.path == operation.path and module.role != "plain" for module in modules)


def _hidden(box: Box) -> str:
    """What is inside a box that is drawn closed."""
    modules = [inner for inner in box.inside if inner.kind == "module"]
    marked = [
        i for i in box.inside if i.role != "plain" and not (i.kind == "operation" and _within(i, modules))
    ]
    nouns = Counter(NOUNS[i.role].replace("random", "random operation") for i in marked)
    parts = [counted(count, noun) for noun, count in nouns.items()]
    if on := sum(inner.stuck for inner in marked):
        parts.append(f"{on} on in eval too")
    if box.only is None:
        parts += _alone(box, modules)
    inside = f"{len(modules)} inside" if modules else ""
    return ": ".join(filter(None, (inside, ", ".join(parts))))


def _alone(box: Box, modules: list[Box]) -> list[str]:
    """What inside a closed box runs in one mode only: its modules, else its operations."""
    if count := sum(1 for inner in modules if inner.only):
        return [f"{count} in one mode only"]
    operations = [inner for inner in box.inside if inner.kind == "operation" and inner.only]
    names = list(dict.fromkeys(inner.label for inner in operations))
    modes = {inner.only for inner in operations}
    where = f"{next(iter(modes))} only" if len(modes) == 1 else "one mode only"
    return [f"{', '.join(names[:2])}{', …' if len(names) > 2 else ''} in {where}"] if names else []
