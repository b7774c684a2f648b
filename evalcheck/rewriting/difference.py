"""What a rewriting changes, as a patch that ``git apply`` takes."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterator

from evalcheck.paths import shown
from evalcheck.rewriting.documents import Document, open_document
from evalcheck.rewriting.rounds import Rewritten

# Bytes are compared as they are: this is only a way to hand them through difflib.
_RAW = "latin-1"
_NO_END = b"\\ No newline at end of file\n"


def difference(rewritten: Rewritten) -> bytes:
    """A unified diff of a file of Python, in the file's own bytes; of a notebook, one for each cell."""
    name = shown(rewritten.path)
    if not rewritten.changed:
        return b""
    if not name.endswith(".ipynb"):
        old, new = (_quoted(f"{side}/{name.lstrip('/')}") for side in "ab")
        return b"".join(_unified(old, new, rewritten.before, rewritten.after))
    before: Document = open_document(rewritten.before, name)
    after = open_document(rewritten.after, name)
    return b"".join(
        line
        for cell, text in before.pieces.items()
        if after.pieces[cell] != text
        for line in _unified(
            f"a/{name}:cell {cell}", f"b/{name}:cell {cell}", _ended(text), _ended(after.pieces[cell])
        )
    )


def _ended(text: str) -> bytes:
    """A cell's text; most cells end without a line end, of which nothing needs to be said."""
    data = text.encode("utf8", "surrogatepass")
    return data if data.endswith(b"\n") else data + b"\n"


def _unified(old: str, new: str, before: bytes, after: bytes) -> Iterator[bytes]:
    """Lines end at ``\\n`` alone, as git has it."""
    was, becomes = ([line.decode(_RAW) for line in io.BytesIO(data)] for data in (before, after))
    yield f"--- {old}\n+++ {new}\n".encode("utf8", "surrogateescape")
    for line in list(difflib.unified_diff(was, becomes))[2:]:
        yield line.encode(_RAW)
        if not line.endswith("\n"):
            yield b"\n" + _NO_END


def _quoted(path: str) -> str:
    """A path as git writes it: in quotes with escapes where needed, before a tab where it has spaces."""
    if any(mark in path for mark in '"\\\n\t\r'):
        escaped = path.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return f"{path}\t" if " " in path else path
