"""Finds the Python files and notebooks below the paths that the user named."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalcheck.patterns import Patterns
    from evalcheck.source.gitignore import Ignored

ENDINGS = (".py", ".ipynb")
MARKS = (".gitignore", "pyvenv.cfg")
# Folders that hold no source of the user's: caches, build output, other people's packages.
SKIPPED = frozenset(["__pycache__", "node_modules", "site-packages", "build", "dist", "buck-out", "_build"])


def python_files(
    paths: Sequence[str | os.PathLike[str]],
    exclude: Sequence[str] = (),
    root: str | os.PathLike[str] | None = None,
    *,
    force: bool = False,
) -> list[str]:
    """The files to read, sorted, each once. A path that is not there is the user's mistake.

    A file that is named is read, whatever is ignored, and whatever is excluded unless ``force``.
    ``exclude`` holds patterns as in a .gitignore of ``root``, the working directory if there is none.
    """
    found: dict[str, None] = {}
    for path in paths:
        top = _plain(os.fspath(path))
        if os.path.isdir(top):
            found.update(dict.fromkeys(_below(top, Excluded(top, exclude, root) if exclude else None)))
        elif os.path.isfile(top):
            if not (force and exclude and _named_but_excluded(top, exclude, root)):
                found[top] = None
        elif os.path.exists(top):
            from evalcheck.complaint import Complaint

            raise Complaint(f"{path}: neither a file nor a folder")
        else:
            from evalcheck.complaint import Complaint

            raise Complaint(f"{path}: there is no such file or folder")
    return sorted(found)


class Excluded:
    """The patterns of the settings, read from the folder that they stand in or from the top."""

    def __init__(self, top: str, exclude: Sequence[str], root: str | os.PathLike[str] | None) -> None:
        from evalcheck.patterns import Patterns

        self._patterns: Patterns = Patterns(exclude)
        way = os.path.relpath(os.path.realpath(top), os.path.realpath(root or os.curdir))
        way = way.replace(os.sep, "/")
        outside = way == "." or way == ".." or way.startswith("../") or os.path.isabs(way)
        self._lead = None if outside else f"{way}/"

    def __call__(self, path: str, folder: bool) -> bool:
        if self._lead is not None:
            said = self._patterns.decide(self._lead + path, folder)
            if said is not None:
                return said
        return bool(self._patterns.decide(path, folder))


def _named_but_excluded(path: str, exclude: Sequence[str], root: str | os.PathLike[str] | None) -> bool:
    """Whether the settings exclude a file, or a folder above it."""
    folder = os.path.dirname(path) or "."
    excluded = Excluded(os.fspath(root or os.curdir), exclude, root)
    inside = os.path.relpath(
        os.path.join(os.path.realpath(folder), os.path.basename(path)), os.path.realpath(root or ".")
    )
    parts = inside.replace(os.sep, "/").split("/")
    if parts[0] == "..":
        return excluded(parts[-1], False)
    ways = ["/".join(parts[: place + 1]) for place in range(len(parts))]
    return any(excluded(way, place < len(parts) - 1) for place, way in enumerate(ways))


def _below(top: str, excluded: Excluded | None) -> Iterator[str]:
    """The files below a folder. Links to folders are not followed: what they show is found in its place."""
    from evalcheck.source.gitignore import above

    start = "" if top == "." else top if top.endswith("/") else f"{top}/"
    waiting: list[tuple[str, Ignored | None]] = [("", above(top))]
    while waiting:
        way, ignored = waiting.pop()
        files, folders, marks = _listed(f"{start}{way}" or ".")
        if "pyvenv.cfg" in marks and way:
            continue
        if ".gitignore" in marks:
            from evalcheck.source.gitignore import within

            ignored = within(f"{start}{way}.gitignore", way, ignored)
        for name in files:
            path = way + name
            if not (ignored and ignored(path, False)) and not (excluded and excluded(path, False)):
                yield start + path
        for name in folders:
            path = way + name
            if not (ignored and ignored(path, True)) and not (excluded and excluded(path, True)):
                waiting.append((f"{path}/", ignored))


def _listed(folder: str) -> tuple[list[str], list[str], list[str]]:
    """What a folder holds: files to read, folders to enter, files that say something of the folder."""
    files, folders, marks = list[str](), list[str](), list[str]()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.endswith(ENDINGS) and entry.is_file():
                    files.append(name)
                elif name in MARKS:
                    marks.append(name)
                elif not _skipped(name) and entry.is_dir(follow_symlinks=False):
                    folders.append(name)
    except OSError:  # a folder that may not be listed
        pass
    return files, folders, marks


def _skipped(name: str) -> bool:
    return name[0] == "." or name in SKIPPED or name.endswith(".egg-info")


def _plain(path: str) -> str:
    """One spelling for one path, so that a file named twice is found once."""
    path = path.replace(os.sep, "/")
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return (path.rstrip("/") or "/") if path else "."


def roots(paths: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """The folders that imports may start from: those that the user named, and ``src`` in them."""
    folders = [os.path.abspath(path) for path in paths if os.path.isdir(path)]
    return tuple(dict.fromkeys(f for folder in folders for f in (folder, os.path.join(folder, "src"))))
