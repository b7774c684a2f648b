"""What a file's bytes hold that can be edited, and those bytes again after an edit."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Mapping
from typing import Protocol

from evalcheck.rewriting.patch import Cell, Pieces
from evalcheck.source import notebook, reading
from evalcheck.source.reading import Unreadable

BOM = "\ufeff"


class Document(Protocol):
    """A file as pieces of Python by cell, as :mod:`evalcheck.rewriting.patch` takes them."""

    @property
    def pieces(self) -> Pieces: ...

    def valid(self, cell: Cell, text: str) -> bool:
        """Whether a piece can be read as it should be."""

    def bytes(self, pieces: Pieces) -> bytes:
        """The file with other pieces. Raises ``UnicodeError`` where they cannot be written."""


def open_document(data: bytes, name: str) -> Document:
    """The file's document, by its name. Raises :class:`Unreadable`."""
    return Book(data, name) if name.endswith(".ipynb") else Script(data, name)


class Script:
    """A file of Python in its declared encoding."""

    def __init__(self, data: bytes, name: str) -> None:
        text = reading.decode(data, name)
        self._encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        self._mark = text[: text.startswith(BOM)]
        self.pieces: Pieces = {None: text.removeprefix(BOM)}
        if self.bytes(self.pieces) != data:
            raise Unreadable(f"{name}: cannot be rewritten in its encoding ({self._encoding})")

    def valid(self, cell: Cell, text: str) -> bool:
        """Whether it is Python, as much as the file was before."""
        return _sound(self.pieces[cell], text)

    def bytes(self, pieces: Pieces) -> bytes:
        """The text in the encoding that it came in."""
        return (self._mark + pieces[None]).encode(self._encoding)


class Book:
    """A notebook: its code cells are the pieces."""

    def __init__(self, data: bytes, name: str) -> None:
        self._notebook = notebook.read(data, name)
        self.pieces: Pieces = {cell.number: cell.source for cell in self._notebook.cells}

    def valid(self, cell: Cell, text: str) -> bool:
        """Whether the cell can be read, magics left out if need be."""
        code, before = notebook.code_of(text), notebook.code_of(self.pieces[cell])
        return code is not None and _sound(before or "", code)

    def bytes(self, pieces: Pieces) -> bytes:
        """The notebook's text in which only the sources that changed are others."""
        changed: Mapping[int, str] = {
            cell: text for cell, text in pieces.items() if cell is not None and text != self.pieces[cell]
        }
        return self._notebook.with_sources(changed)


def _sound(before: str, after: str) -> bool:
    """Whether a text is Python, and compiles if it did: the parser alone lets a keyword be given twice."""
    return _reads(after, ast.PyCF_ONLY_AST) and (
        _reads(after, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT) or not _reads(before, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    )


def _reads(text: str, flags: int) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "fixed.py", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
