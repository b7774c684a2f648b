"""Where in the user's own tree the module of a dotted name lies; nothing is imported."""

from __future__ import annotations

import os

from evalcheck.source.words import each

# Packages that are never looked into: what they hold is known by name.
KNOWN = each(
    "torch torchvision torchaudio numpy scipy pandas sklearn PIL cv2 matplotlib tensorflow keras jax flax "
    "lightning pytorch_lightning transformers tqdm typing os sys re math random json logging"
)
MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg", ".hg")  # of a project's own folder
_OTHERS = ("site-packages", "dist-packages")  # folders in which packages of many owners lie side by side


class Imports:
    """Answers from folder listings, each read once.

    Absolute imports start from the folder that a file's own package lies in (its own folder where it is a
    script), from the folder of the project around it, and from ``src`` in that: whichever files were named,
    the answer is the same. ``roots`` are further folders. ``listed`` are the folders that were looked
    into, so that an answer can be kept as long as they do not change.
    """

    def __init__(self, roots: tuple[str, ...] = ()) -> None:
        self._roots = roots
        self._listings: dict[str, frozenset[str]] = {}
        self._tops: dict[str, tuple[str, str]] = {}
        self._projects: dict[str, tuple[str, ...]] = {}
        self.listed: set[str] = set()

    def find(self, dotted: str, origin: str) -> tuple[str, list[str]] | None:
        """The file that a dotted name leads to as seen from ``origin``, and the names left over in it."""
        level = len(dotted) - len(dotted.lstrip("."))
        parts = dotted[level:].split(".")
        if level:
            base = os.path.dirname(origin)
            for _ in range(level - 1):
                base = os.path.dirname(base)
            return self._walk(base, parts)
        if parts[0] in KNOWN and parts[0] != self._top(origin)[1]:
            return None
        for root in self._starts(origin, parts[0]):
            found = self._walk(root, parts)
            if found is not None:
                return found
        return None

    def _starts(self, origin: str, first: str) -> list[str]:
        root, package = self._top(origin)
        if os.path.basename(root) in _OTHERS:
            return [root] if first == package else []
        others = (*self._around(root), *self._roots)
        return [root, *(r for r in others if r != root and os.path.basename(r) not in _OTHERS)]

    def _around(self, folder: str) -> tuple[str, ...]:
        """The folder of the project that a folder belongs to, and ``src`` in it."""
        if folder not in self._projects:
            top = folder
            while not any(os.path.exists(os.path.join(top, mark)) for mark in MARKS):
                above = os.path.dirname(top)
                if above == top:
                    top = ""
                    break
                top = above
            self._projects[folder] = (top, os.path.join(top, "src")) if top else ()
        return self._projects[folder]

    def _top(self, origin: str) -> tuple[str, str]:
        """The folder above the outermost package around a file, and that package's name."""
        folder = os.path.dirname(origin)
        if folder not in self._tops:
            root, package = folder, ""
            while "__init__.py" in self._in(root):
                root, package = os.path.split(root)
            self._tops[folder] = (root, package)
        return self._tops[folder]

    def _walk(self, folder: str, parts: list[str]) -> tuple[str, list[str]] | None:
        entered = ""
        for place, part in enumerate(parts):
            names = self._in(folder)
            if f"{part}.py" in names:
                return os.path.join(folder, f"{part}.py"), parts[place + 1 :]
            below = os.path.join(folder, part)
            if part not in names or not self._in(below):
                break
            folder = below
            entered = folder if "__init__.py" in self._in(folder) else ""
        else:
            place = len(parts)
        if entered:
            return os.path.join(entered, "__init__.py"), parts[place:]
        return None

    def _in(self, folder: str) -> frozenset[str]:
        if folder not in self._listings:
            self.listed.add(folder)
            try:
                self._listings[folder] = frozenset(os.listdir(folder or "."))
            except OSError:
                self._listings[folder] = frozenset()
        return self._listings[folder]
