"""Reads one file's bytes as text, and says plainly why it could not."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path

# No rule concerns a file in which none of these stands, so it is not parsed.
CONCERNED = (b"torch", b"albumentations", b"audiomentations", b"kornia", b"monai", b"timm", b"lightning")


class Unreadable(Exception):
    """One line for people: what kept the file from being read."""


def concerned(data: bytes) -> bool:
    """Whether any rule could have something to say about these bytes."""
    return any(word in data for word in CONCERNED)


def load(path: Path, name: str) -> bytes:
    """The bytes of a file. Raises :class:`Unreadable`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{name}: cannot be read ({error.strerror})") from None


def decode(data: bytes, name: str) -> str:
    """The text, in the encoding that it declares. Raises :class:`Unreadable`."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except SyntaxError as error:
        raise Unreadable(f"{name}: the declared encoding is not known ({error})") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"{name}:{line}: not valid {error.encoding} text") from None
    except LookupError as error:
        raise Unreadable(f"{name}: the declared encoding is not known ({error})") from None
