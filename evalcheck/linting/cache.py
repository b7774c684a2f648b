"""What was found in a file the last time, as long as neither it nor what was looked up has changed."""

from __future__ import annotations

import marshal
import os
import sys
from zlib import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalcheck.linting.sweep import Payload

FOLDER = ".evalcheck_cache"
FORM = 2  # of the entries: raise it when they change
KEPT = 8  # caches of other settings that are left beside this one
TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Written by evalcheck; safe to delete.\n"

# Of a file: time of change in nanoseconds, size, hash, findings, what was consulted.
Entry = tuple[int, int, bytes, "Payload | None", tuple[tuple[str, int, int], ...]]


def key(*said: object) -> str:
    """One word for all that answers depend on beside the files: evalcheck's own code, and what was said."""
    from evalcheck import rulebook

    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    state: list[tuple[str, int, int]] = []
    for top in dict.fromkeys((package, rulebook.home())):
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in names:
                about = os.stat(os.path.join(folder, name))
                state.append((name, about.st_mtime_ns, about.st_size))
    return _digest(repr((sorted(state), os.getcwd(), said)).encode("utf8", "surrogatepass")).hex()


class Cache:
    """One file of marshalled entries per key: the version of evalcheck, the rules, the settings.

    A file is known if its time and size are as they were, or if its content hashes to the same; and if
    all that was consulted for it has its former time and size.
    """

    def __init__(self, root: str, key: str) -> None:
        self._folder = os.path.join(root, FOLDER)
        self._file = os.path.join(self._folder, f"{key}-{sys.implementation.cache_tag}-{FORM}")
        self._here = os.getcwd()
        self._stamps: dict[str, tuple[int, int]] = {}
        self._old = self._load()
        self.fresh: dict[str, Entry] = {}

    def known(self, files: Sequence[str]) -> dict[str, Payload | None]:
        """The files of which nothing needs to be read, with what they gave."""
        try:
            return self._known(files)
        except (TypeError, ValueError, IndexError):  # not of our making
            self._old = {}
            return {}

    def _known(self, files: Sequence[str]) -> dict[str, Payload | None]:
        found: dict[str, Payload | None] = {}
        for path in files:
            entry = self._old.get(self._absolute(path))
            if entry is None or not all(self._stamp(p) == (t, s) for p, t, s in entry[4]):
                continue
            stamp = self._stamp(path)
            if stamp == entry[:2]:
                found[path] = entry[3]
            elif stamp[1] == entry[1] and (digest := _digest_of(path)) == entry[2]:
                found[path] = entry[3]
                self.fresh[self._absolute(path)] = (*stamp, digest, *entry[3:])
        return found

    def remember(
        self, path: str, data: bytes, payload: Payload | None, consulted: tuple[list[str], list[str]] | None
    ) -> None:
        """Keep what a file gave, with the state in which all that counted for it was."""
        stamp = self._stamp(path)
        if stamp[1] != len(data):
            return  # it changed while it was read
        others = tuple((other, *self._stamp(other)) for some in consulted or () for other in some)
        self.fresh[self._absolute(path)] = (*stamp, _digest(data), payload, others)

    def store(self) -> None:
        """Write what is new. A cache that cannot be written is done without."""
        if not self.fresh:
            return
        temporary = f"{self._file}.{os.getpid()}"
        try:
            self._prepare()
            with open(temporary, "wb") as file:
                marshal.dump({**self._old, **self.fresh}, file)
            os.replace(temporary, self._file)
        except OSError:
            return

    def _prepare(self) -> None:
        """The folder, told to git and to backup programs as one that can be made again."""
        if not os.path.isdir(self._folder):
            os.mkdir(self._folder)
            for name, text in (("CACHEDIR.TAG", TAG), (".gitignore", "*\n")):
                with open(os.path.join(self._folder, name), "w", encoding="utf8") as file:
                    file.write(text)
        others = [entry for entry in os.scandir(self._folder) if entry.name[0] not in ".C"]
        for entry in sorted(others, key=lambda entry: entry.stat().st_mtime)[:-KEPT]:
            os.unlink(entry.path)

    def _load(self) -> dict[str, Entry]:
        try:
            with open(self._file, "rb") as file:
                found = marshal.load(file)
        except (OSError, EOFError, ValueError, TypeError):
            return {}
        return found if isinstance(found, dict) else {}

    def _absolute(self, path: str) -> str:
        """As ``os.path.abspath`` for the plain paths that a walk gives, at a fraction of its cost."""
        return path if path[:1] == "/" else f"{self._here}/{path}"

    def _stamp(self, path: str) -> tuple[int, int]:
        """Time of change and size; of a folder its names, of which the hidden ones do not count."""
        if path not in self._stamps:
            try:
                state = os.stat(path)
                if (state.st_mode & 0o170000) == 0o040000:
                    names = sorted(
                        name for name in os.listdir(path) if name[0] != "." and name != "__pycache__"
                    )
                    self._stamps[path] = (crc32("/".join(names).encode("utf8", "surrogatepass")), 0)
                else:
                    self._stamps[path] = (state.st_mtime_ns, state.st_size)
            except OSError:
                self._stamps[path] = (0, -1)
        return self._stamps[path]


def _digest(data: bytes) -> bytes:
    from _blake2 import blake2b

    return blake2b(data, digest_size=16).digest()


def _digest_of(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return _digest(file.read())
    except OSError:
        return b""
