"""Which rules could concern a file at all, by its bytes: most files are never parsed.

What a rule needs stands on its page under ``reads``: alternatives, each of parts that must all be
found. A part between slashes is a regular expression, any other a plain word; words are looked for
first, since a search for a word costs next to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

Reads = Iterable[Sequence[str]]


class Triggers:
    """The necessary conditions of some rules, asked of one file after the other."""

    def __init__(self, reads: Mapping[str, Reads]) -> None:
        self._rules = [(name, [_alternative(parts) for parts in some]) for name, some in reads.items()]

    def concerned(self, data: bytes) -> list[str]:
        """The names of the rules that the bytes of a file could concern."""
        known: dict[bytes, bool] = {}
        found: list[str] = []
        for name, alternatives in self._rules:
            for words, patterns in alternatives:
                for word in words:
                    here = known.get(word)
                    if here is None:
                        here = known[word] = word in data
                    if not here:
                        break
                else:
                    if all(pattern.search(data) for pattern in patterns):
                        found.append(name)
                        break
        return found


def _alternative(parts: Sequence[str]) -> tuple[tuple[bytes, ...], tuple[re.Pattern[bytes], ...]]:
    words = tuple(part.encode() for part in parts if not _is_pattern(part))
    patterns = tuple(re.compile(part[1:-1].encode()) for part in parts if _is_pattern(part))
    return words, patterns


def _is_pattern(part: str) -> bool:
    return len(part) > 2 and part[0] == part[-1] == "/"
