"""The model in a sentence: calls, what norms and noise do in each mode, what runs in one mode only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from evalcheck.picture import Box, Mode, Picture

SHOWN = 3


def sentence(picture: Picture) -> str:
    """What stands above the drawing."""
    boxes = [box for box in picture.walk() if box.kind in ("module", "operation")]
    if not boxes:
        return f"{picture.title}: nothing could be traced"
    marked = list(_marked(picture.boxes))
    parts = [_calls(boxes), *_norms(picture, marked), *_noise(picture, marked), *_again(boxes)]
    if picture.gaps:
        parts.append("traced only in part")
    elif picture.view == "diff":
        parts.append(_alone(boxes))
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


def _marked(boxes: tuple[Box, ...]) -> Iterator[Box]:
    """Norms and sources of noise; not the operations of a module that is one itself."""
    for box in boxes:
        if box.role != "plain":
            yield box
        own = box.children if box.role == "plain" else tuple(c for c in box.children if c.kind == "module")
        yield from _marked(own)


def _norms(picture: Picture, marked: list[Box]) -> Iterator[str]:
    norms = [box for box in marked if box.role == "norm"]
    told = Counter(_states(box) for box in norms if box.train or box.eval)
    for (train, eval), count in told.most_common():
        verb = "uses" if count == 1 else "use"
        yield f"{counted(count, 'batch norm')} {verb} {_in_modes(train, eval)}"
    others = sum(1 for box in norms if not box.train and not box.eval)
    if others:
        yield (
            f"{counted(others, 'norm')} without modes"
            if told
            else f"{counted(others, 'norm')}, none with modes"
        )
    if not norms and not picture.gaps:
        yield "no norm"


def _noise(picture: Picture, marked: list[Box]) -> Iterator[str]:
    groups = Counter(_noisy(box) for box in marked if box.role in ("noise", "dropout"))
    for (what, words), count in groups.most_common():
        yield f"{counted(count, what)} {words.format(verb='is' if count == 1 else 'are')}"
    if not picture.gaps and not any(what == "dropout" for what, _ in groups):
        yield "no dropout"


def _noisy(box: Box) -> tuple[str, str]:
    states = [state for state in (box.train, box.eval) if state]
    what = "dropout" if box.role == "dropout" else "random operation"
    live = [mode for mode in ("train", "eval") if _acts(getattr(box, mode))]
    if what == "dropout" and all(state in ("p=0", "off") for state in states):
        return what, "{verb} never active" if "p=0" in states else "{verb} off"
    if len(live) == len(states) == 2:
        return what, "{verb} active in both modes"
    return what, f"{{verb}} active in {live[0]}" + (
        " only" if len(states) == 2 else ""
    ) if live else "{verb} off"


def _acts(state: str | None) -> bool:
    return state not in (None, "", "off", "p=0")


def _states(box: Box) -> tuple[str | None, str | None]:
    return box.train, box.eval


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


def _outermost(paths: list[str]) -> list[str]:
    """Without those that are inside another."""
    return [p for p in paths if not any(p != q and (not q or p.startswith(f"{q}.")) for q in paths)]


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(name or "the model" for name in names[:SHOWN]) + (
        f" and {more} more" if more > 0 else ""
    )
