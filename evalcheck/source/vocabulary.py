"""Which of many words a file could hold, told by its identifiers.

To look for a hundred words in every file costs more than to parse the few files that matter. The
identifiers of a file are split off once; those that were met in an earlier file are known already, and new
ones get rarer with every file.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_RUN = re.compile(rb"\w{3,}")
# Identifiers that most files of this trade hold: they tell nothing.
_COMMON = frozenset((b"torch", b"functional", b"import", b"self", b"def", b"forward", b"model", b"training"))
_BLANKS = bytes(
    byte if byte >= 128 or chr(byte).isalnum() or byte == ord("_") else ord(" ") for byte in range(256)
)


class Vocabulary:
    """The identifiers that some words contain, looked for in one file after the other."""

    def __init__(self, words: Iterable[bytes]) -> None:
        self._whole: dict[bytes, set[bytes]] = {}  # an identifier that stands alone in a word
        self._part: dict[bytes, set[bytes]] = {}  # one that may go on before or behind it
        self._always: set[bytes] = set()
        for word in words:
            self._enter(word)
        self._met: set[bytes] = set()
        self._telling: set[bytes] = set()
        self._tells: dict[bytes, set[bytes]] = {}

    def _enter(self, word: bytes) -> None:
        runs = list(_RUN.finditer(word))
        if not runs:
            self._always.add(word)
            return
        runs = [run for run in runs if run[0] not in _COMMON] or runs
        whole = [run for run in runs if run.start() > 0 and run.end() < len(word)]
        longest = max(whole or runs, key=lambda run: run.end() - run.start())
        table = self._whole if whole else self._part
        table.setdefault(longest[0], set()).add(word)

    def possible(self, data: bytes) -> set[bytes]:
        """The words that may stand in the bytes; all others do not."""
        tokens = set(data.translate(_BLANKS).split())
        new = tokens - self._met
        if new:
            self._met |= new
            self._learn(new)
        found = set(self._always)
        for token in tokens & self._telling:
            found |= self._tells[token]
        return found

    def _learn(self, new: set[bytes]) -> None:
        for token in new & self._whole.keys():
            self._tells.setdefault(token, set()).update(self._whole[token])
        together = b" ".join(new)
        for part, words in self._part.items():
            if part in together:
                for token in new:
                    if part in token:
                        self._tells.setdefault(token, set()).update(words)
        self._telling.update(new & self._tells.keys())
