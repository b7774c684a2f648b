"""What git leaves out: the .gitignore files on the way to a path, the nearest one first."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evalcheck.patterns import Patterns


class Ignored:
    """One file of patterns, and those above it, for paths relative to the top of a walk.

    ``lead`` is the way from the patterns' folder to the top, ``cut`` the length of the way from
    the top to the patterns' folder: one of them is empty.
    """

    def __init__(self, patterns: Patterns, outer: Ignored | None, lead: str = "", cut: int = 0) -> None:
        self._patterns, self._outer, self._lead, self._cut = patterns, outer, lead, cut

    def __call__(self, path: str, folder: bool) -> bool:
        said = self._patterns.decide(self._lead + path[self._cut :], folder)
        if said is not None:
            return said
        return self._outer is not None and self._outer(path, folder)


def within(file: str, way: str, outer: Ignored | None) -> Ignored | None:
    """With the patterns of a .gitignore that was met on the walk, in the folder ``way`` below its top."""
    patterns = _read(file)
    return outer if patterns is None else Ignored(patterns, outer, cut=len(way))


def above(top: str) -> Ignored | None:
    """What the repository around a folder says from above it: the outermost is asked last.

    A folder that is named although it is ignored is read: the patterns that take it are dropped.
    """
    here = os.path.abspath(top)
    repository = _repository(here)
    if repository is None:
        return None
    steps = os.path.relpath(here, repository).replace(os.sep, "/").split("/")
    steps = [] if steps == ["."] else steps
    sources = [(os.path.join(repository, ".git", "info", "exclude"), 0)]
    folder = repository
    for depth, step in enumerate(steps):
        sources.append((os.path.join(folder, ".gitignore"), depth))
        folder = os.path.join(folder, step)
    ignored: Ignored | None = None
    for file, depth in sources:
        patterns = _read(file)
        way = "/".join(steps[depth:])
        if patterns is not None and not (way and patterns.hold(way, folder=True)):
            ignored = Ignored(patterns, ignored, lead=f"{way}/" if way else "")
    return ignored


def _repository(folder: str) -> str | None:
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def _read(file: str) -> Patterns | None:
    try:
        with open(file, encoding="utf-8-sig", errors="surrogateescape", newline="\n") as lines:
            from evalcheck.patterns import Patterns

            return Patterns(lines)
    except OSError:
        return None
