"""The files of one run together: each opened when somebody asks for it, whoever imports it."""

from __future__ import annotations

import ast
import os

from evalcheck.paths import shown
from evalcheck.source import reading
from evalcheck.source.file import SourceFile
from evalcheck.source.imports import Imports

DEEPEST = 6  # re-exports that are followed from one package to the next
FULL = 12_000_000  # characters of text that stay open between two files


class Project:
    """What the files of a tree know of each other.

    ``consulted`` are the files that were opened since :meth:`begin`, so that what was found can be kept as
    long as none of them changes. ``frameworks`` are packages, beside the known ones, that set modes
    themselves.
    """

    def __init__(self, roots: tuple[str, ...] = (), frameworks: tuple[str, ...] = ()) -> None:
        self.frameworks = frozenset(frameworks)
        self.imports = Imports(roots)
        self.consulted: set[str] = set()
        self._open: dict[str, SourceFile | None] = {}
        self._size = 0

    def begin(self) -> None:
        """Before another file is looked at: forget what was consulted, and close files if many are open."""
        self.consulted = set()
        self.imports.listed = set()
        if self._size > FULL:
            self.close()

    def close(self) -> None:
        """Close every file that is open."""
        for file in self._open.values():
            if file is not None:
                file.close()
        self._open.clear()
        self._size = 0

    def take(self, path: str, data: bytes) -> SourceFile:
        """A file of which the bytes are at hand. Raises :class:`reading.Unreadable`."""
        origin = os.path.abspath(path)
        known = self._open.get(origin)
        if known is not None:
            return known
        name = shown(path)
        file = SourceFile.from_text(reading.decode(data, name), name)
        file.project, file.origin = self, origin
        self._open[origin] = file
        self._size += len(data)
        return file

    def take_notebook(self, path: str, data: bytes) -> SourceFile:
        """A notebook of which the bytes are at hand. Raises :class:`reading.Unreadable`."""
        from evalcheck.source import notebook

        file = notebook.open_notebook(data, shown(path))
        file.project, file.origin = self, os.path.abspath(path)
        return file

    def open(self, path: str) -> SourceFile | None:
        """Another file of the tree, or None where it cannot be read."""
        self.consulted.add(path)
        if path not in self._open:
            self._open[path] = None
            try:
                self.take(path, reading.load(path, path))
            except reading.Unreadable:
                return None
        return self._open[path]

    def known(self, name: str) -> SourceFile | None:
        """An open file by the path that findings show for it."""
        return next((file for file in self._open.values() if file is not None and file.path == name), None)

    def definition(
        self, dotted: str, origin: SourceFile, steps: int = DEEPEST
    ) -> tuple[SourceFile, ast.AST] | None:
        """The class or function that a dotted name means as seen from a file, with the file it stands in."""
        found = self.imports.find(dotted, origin.origin) if origin.origin and steps else None
        if found is None or len(found[1]) != 1:
            return None
        file, name = self.open(found[0]), found[1][0]
        if file is None:
            return None
        node = file.defines(name)
        if node is not None:
            return file, node
        further = [file.names.imported[name]] if name in file.names.imported else []
        further += [] if further else [f"{star}.{name}" for star in file.names.stars]
        for other in further:
            if other != dotted and (there := self.definition(other, file, steps - 1)) is not None:
                return there
        return None
