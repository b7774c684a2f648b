"""The model in a sentence: calls, what norms and noise do in each mode, what runs in one mode only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar

from evalcheck.picture import Box, Mode, Picture

SHOWN = 3
CHANCE = "python or numpy numbers were drawn: which modules run may be left to chance"
Key = TypeVar("Key")
# A box, and what it is a call of: two calls of one module are one norm.
Marked = tuple[Box, object]


def sentence(picture: Picture) -> str:
    """What stands above the drawing."""
    boxes = [box for box in picture.walk() if box.kind in ("module", "operation")]
    if not boxes:
        return f"{picture.title}: nothing could be traced"
    marked = list(_marked(picture.boxes))
    parts = [_calls(boxes), *_norms(picture, marked), *_noise(picture, marked), *_again(boxes)]
    if picture.chance:
        parts.append(CHANCE)
    if picture.gaps:
        parts.append("traced only in part")
    elif picture.view == "diff":
        parts += [_alone(boxes), *_moved(picture.boxes)]
    return f"{picture.title}: {'; '.join(parts)}"


def counted(count: int, noun: str) -> str:
    """``1 batch norm``, ``20 batch norms``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _calls(boxes: list[Box]) -> str:
    modules = [box for box in boxes if box.kind == "module"]
    alone = Counter(box.only for box in modules)
    if alone["train"] == alone["eval"]:
        return counted(len(modules) - alone["eval"], "module call")
    train, eval = len(modules) - alone["eval"], len(modules) - alone["train"]
    return f"{train} module calls in train, {eval} in eval"


def _marked(boxes: tuple[Box, ...]) -> Iterator[Marked]:
    """Norms and sources of noise; not the operations of a module that is one itself."""
    met: Counter[str] = Counter()
    for box in boxes:
        number = met[box.label]
        met[box.label] += box.kind == "operation"
        if box.role != "plain":
            yield box, (box.kind, box.path, box.kind == "operation" and (box.label, number))
        own = box.children if box.role == "plain" else tuple(c for c in box.children if c.kind == "module")
        yield from _marked(own)


def _grouped(marked: Iterable[tuple[Key, object]]) -> list[tuple[Key, str, bool]]:
    """For each kind, most numerous first: how many modules, and how often they are called if more often.

    The last tells whether there is only one.
    """
    groups: dict[Key, list[object]] = {}
    for key, which in marked:
        groups.setdefault(key, []).append(which)
    told = []
    for key, calls in sorted(groups.items(), key=lambda group: -len(set(group[1]))):
        often = "" if len(calls) == len(set(calls)) else f", called {len(calls)} times,"
        told.append((key, f"{len(set(calls))} {{noun}}{often}", len(set(calls)) == 1))
    return told


def _norms(picture: Picture, marked: list[Marked]) -> Iterator[str]:
    norms = [(box, which) for box, which in marked if box.role == "norm"]
    told = _grouped(
        ((box.train, box.eval, box.stuck), which) for box, which in norms if box.train or box.eval
    )
    for (train, eval, stuck), count, single in told:
        noun, verb = ("batch norm", "uses") if single else ("batch norms", "use")
        yield f"{count.format(noun=noun)} {verb} {_in_modes(train, eval)}{' (!)' if stuck else ''}"
    others = len({which for box, which in norms if not box.train and not box.eval})
    if others:
        verb = "does" if others == 1 else "do"
        yield f"{counted(others, 'other norm' if told else 'norm')} that {verb} the same in both modes"
    if not norms and not picture.gaps:
        yield "no norm"


def _noise(picture: Picture, marked: list[Marked]) -> Iterator[str]:
    groups = _grouped((_noisy(box), which) for box, which in marked if box.role in ("noise", "dropout"))
    for (what, words), count, single in groups:
        noun = counted(1 if single else 2, what)[2:]
        yield f"{count.format(noun=noun)} {words.format(verb='is' if single else 'are')}"
    if not picture.gaps and not any(what == "dropout" for (what, _), _, _ in groups):
        yield "no dropout"


def _noisy(box: Box) -> tuple[str, str]:
    states = [state for state in (box.train, box.eval) if state]
    what = "dropout" if box.role == "dropout" else "random operation"
    live = [mode for mode in ("train", "eval") if _acts(getattr(box, mode))]
    if what == "dropout" and all(state in ("p=0", "off") for state in states):
        return what, "{verb} never active" if "p=0" in states else "{verb} off"
    if len(live) == len(states) == 2:
        return what, "{verb} active in eval too (!)"
    if not live:
        return what, "{verb} off"
    only = " only" if len(states) == 2 or box.only else ""
    fault = " (!)" if box.stuck else ""
    return what, f"{{verb}} active in {live[0]}{only}{fault}"


def _acts(state: str | None) -> bool:
    return state not in (None, "", "off", "p=0")


def _in_modes(train: str | None, eval: str | None) -> str:
    if train == eval:
        return f"{train} in both modes"
    return " and ".join(f"{words} in {mode}" for mode, words in (("train", train), ("eval", eval)) if words)


def _again(boxes: list[Box]) -> Iterator[str]:
    often = {box.path: box.calls for box in boxes if box.kind == "module" and box.calls > 1}
    # What is inside a module that is called twice is called twice too: the outermost tells.
    outer = _outermost(list(often))
    if outer:
        verb = "is" if len(outer) == 1 else "are"
        yield f"{counted(len(outer), 'module')} {verb} called several times ({_some(outer)})"


def _alone(boxes: list[Box]) -> str:
    modules = [box for box in boxes if box.kind == "module" and box.only]
    parts = []
    modes: tuple[Mode, ...] = ("train", "eval")
    for mode in modes:
        paths = list(dict.fromkeys(box.path for box in modules if box.only == mode))
        outer = _outermost(paths)
        if outer:
            verb = "runs" if len(outer) == 1 else "run"
            parts.append(f"{counted(len(outer), 'module')} {verb} in {mode} only ({_some(outer)})")
    return "; ".join(parts) or "the same modules in both modes"


def _moved(boxes: tuple[Box, ...]) -> Iterator[str]:
    """Operations that one mode alone runs, in modules that run in both."""
    operations = list(_operations(boxes))
    modes: tuple[Mode, ...] = ("train", "eval")
    for mode in modes:
        alone = [box.label for box in operations if box.only == mode]
        if alone:
            verb = "runs" if len(alone) == 1 else "run"
            names = list(dict.fromkeys(alone))
            yield f"{counted(len(alone), 'operation')} {verb} in {mode} only ({_some(names)})"


def _operations(boxes: tuple[Box, ...]) -> Iterator[Box]:
    for box in boxes:
        if box.kind == "operation" and box.role == "plain" and not box.plumbing:
            yield box
        elif box.role == "plain" and box.only is None:
            yield from _operations(box.children)


def _outermost(paths: list[str]) -> list[str]:
    """Without those that are inside another."""
    return [p for p in paths if not any(p != q and (not q or p.startswith(f"{q}.")) for q in paths)]


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(name or "the model" for name in names[:SHOWN]) + (
        f" and {more} more" if more > 0 else ""
    )
