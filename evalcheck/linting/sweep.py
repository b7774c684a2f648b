"""Looks at every file once: most are let go by their bytes, the others are examined or known already."""

from __future__ import annotations

import gc
import os

from evalcheck.source import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evalcheck.linting.cache import Cache
    from evalcheck.linting.examine import Examiner
    from evalcheck.source.triggers import Triggers

# What one file gave, in plain data: findings, gaps, faults, and lines on what could not be read.
Payload = tuple[list[object], list[object], list[str], list[str]]

MANY = 5000  # files from which on processes are used unasked: each has to learn and open much for itself
BLOCK = 100  # files that are handed out together: neighbours import each other


class Sweep:
    """One run over some files. ``examiner`` is made when the first file needs to be parsed.

    ``jobs`` processes share the files; without it one reads them, or all cores where there are very many.
    """

    def __init__(
        self,
        triggers: Triggers,
        examiner: Callable[[], Examiner],
        cache: Cache | None = None,
        jobs: int | None = None,
    ) -> None:
        self._triggers = triggers
        self._make_examiner = examiner
        self._made: Examiner | None = None
        self._cache = cache
        self._jobs = jobs

    def run(self, files: Sequence[str]) -> list[Payload]:
        """What the files gave, in their order; files that gave nothing are left out."""
        known: dict[str, Payload | None] = {}
        if self._cache is not None:
            known = self._cache.known(files)
        fresh = [path for path in files if path not in known] if known else list(files)
        collecting = gc.isenabled()
        gc.disable()  # trees are many small objects that live until they are closed: nothing is to be found
        try:
            found = self._share(fresh)
        finally:
            if collecting:
                if self._made is not None:
                    self._made.close()  # before the collector could go through all that is open
                gc.enable()
        if self._cache is not None:
            self._cache.store()
        found.update((path, payload) for path, payload in known.items() if payload is not None)
        return [found[path] for path in files if path in found]

    def _share(self, files: Sequence[str]) -> dict[str, Payload]:
        jobs = self._jobs or (os.cpu_count() or 1 if len(files) >= MANY else 1)
        if jobs < 2 or len(files) < 2 * BLOCK or not hasattr(os, "fork"):
            return self._look(files)
        from evalcheck.linting import forking

        self._examiner().load()  # before the fork, so that it is loaded once
        self._triggers.compile()
        blocks = [files[start : start + BLOCK] for start in range(0, len(files), BLOCK)]
        shares = [[path for block in blocks[n::jobs] for path in block] for n in range(jobs)]
        return forking.spread(shares, self._look, self._cache)

    def _look(self, files: Iterable[str]) -> dict[str, Payload]:
        found: dict[str, Payload] = {}
        for path in files:
            payload = self._one(path)
            if payload is not None:
                found[path] = payload
        return found

    def _one(self, path: str) -> Payload | None:
        try:
            data = reading.load(path, path)
        except reading.Unreadable as reason:
            return [], [], [], [str(reason)]
        return self.read(path, data)

    def read(self, path: str, data: bytes) -> Payload | None:
        """What one file of these bytes gives, or None where there is nothing to say."""
        payload, consulted = None, None
        if reading.concerned(data):
            if path.endswith(".ipynb"):
                payload, consulted = self._examiner().notebook(path, data, self._triggers)
            else:
                names = self._triggers.concerned(data)
                if names:
                    payload, consulted = self._examiner().file(path, data, names)
        if self._cache is not None:
            self._cache.remember(path, data, payload, consulted)
        return payload

    def _examiner(self) -> Examiner:
        if self._made is None:
            self._made = self._make_examiner()
        return self._made
