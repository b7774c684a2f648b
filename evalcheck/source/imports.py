"""Where in the user's own tree the module of a dotted name lies; nothing is imported."""

from __future__ import annotations

import os

from evalcheck.source.words import each

# Packages that are never looked into: what they hold is known by name.
KNOWN = each(
    "torch torchvision torchaudio numpy scipy pandas sklearn PIL cv2 matplotlib tensorflow keras jax flax "
    "lightning pytorch_lightning transformers tqdm typing os sys re math random json logging"
)
_OTHERS = ("site-packages", "dist-packages")  # folders in which packages of many owners lie side by side


class Imports:
    """Answers from folder listings, each read once.

    ``roots`` are folders from which absolute imports may start beside those that a file implies: the
    folder that its own package lies in, or its own folder where it is a script. ``listed`` are the folders
    that were looked into, so that an answer can be kept as long as they do not change.
    """

    def __init__(self, roots: tuple[str, ...] = ()) -> None:
        self._roots = roots
        self._listings: dict[str, frozenset[str]] = {}
        self._tops: dict[str, tuple[str, str]] = {}
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
        return [root, *(r for r in self._roots if r != root and os.path.basename(r) not in _OTHERS)]

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
