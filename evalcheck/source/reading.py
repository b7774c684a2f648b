"""Reads one file's bytes as text, and says plainly why it could not."""

from __future__ import annotations

import io
import os

# No rule concerns a file in which none of these stands, so it is not parsed.
CONCERNED = (b"torch", b"albumentations", b"audiomentations", b"kornia", b"monai", b"timm", b"lightning")

LARGEST = 16_000_000  # bytes; the largest of 20,000 files of libraries has 2 million


class Unreadable(Exception):
    """One line for people: what kept the file from being read."""


def concerned(data: bytes) -> bool:
    """Whether any rule could have something to say about these bytes."""
    return any(word in data for word in CONCERNED)


def load(path: str | os.PathLike[str], name: str) -> bytes:
    """The bytes of a file. Raises :class:`Unreadable`."""
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
    except OSError as error:
        raise Unreadable(f"{name}: cannot be read ({error.strerror})") from None
    if len(data) > LARGEST:
        raise Unreadable(f"{name}: too large to be read (more than {LARGEST // 1_000_000} MB)")
    return data


def decode(data: bytes, name: str) -> str:
    """The text, in the encoding that it declares. Raises :class:`Unreadable`."""
    head = data[:400]
    if b"coding" not in head and not head.startswith(b"\xef\xbb\xbf"):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _undecodable(data, name, error) from None
    import tokenize  # costs more to load than most files to read

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except SyntaxError as error:
        raise Unreadable(f"{name}: the declared encoding is not known ({error})") from None
    except UnicodeDecodeError as error:
        raise _undecodable(data, name, error) from None
    except LookupError as error:
        raise Unreadable(f"{name}: the declared encoding is not known ({error})") from None


def _undecodable(data: bytes, name: str, error: UnicodeDecodeError) -> Unreadable:
    line = data.count(b"\n", 0, error.start) + 1
    return Unreadable(f"{name}:{line}: not valid {error.encoding} text")
