"""Which rules could concern a file at all, by its bytes: most files are never parsed.

What a rule needs stands on its page under ``reads``: alternatives, each of parts that must all be
found. A part between slashes is a regular expression, any other a plain word; words are looked for
first, since a search for a word costs next to nothing.
"""

from __future__ import annotations

import re

from evalcheck.source.vocabulary import Vocabulary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Reads = Iterable[Sequence[str]]
    Alternative = tuple[tuple[bytes, ...], tuple[bytes, ...]]  # plain words, regular expressions


class Triggers:
    """The necessary conditions of some rules, asked of one file after the other."""

    def __init__(self, reads: Mapping[str, Reads]) -> None:
        self._rules = [(name, [_alternative(parts) for parts in some]) for name, some in reads.items()]
        self._vocabulary = Vocabulary(
            {word for _, some in self._rules for words, _ in some for word in words}
        )

    def concerned(self, data: bytes) -> list[str]:
        """The names of the rules that the bytes of a file could concern."""
        possible = self._vocabulary.possible(data)
        known: dict[bytes, bool] = {}
        met: dict[Alternative, bool] = {}  # rules that look at one thing state the same alternatives
        found: list[str] = []
        for name, alternatives in self._rules:
            for alternative in alternatives:
                here = met.get(alternative)
                if here is None:
                    here = possible.issuperset(alternative[0]) and _met(alternative, data, known)
                    met[alternative] = here
                if here:
                    found.append(name)
                    break
        return found


def _met(alternative: Alternative, data: bytes, known: dict[bytes, bool]) -> bool:
    words, patterns = alternative
    for word in words:
        here = known.get(word)
        if here is None:
            here = known[word] = word in data
        if not here:
            return False
    return not patterns or _all_found(patterns, data, known)


# Compiled when a file holds all the words: that costs more than to look at a small file.
_compiled: dict[bytes, re.Pattern[bytes]] = {}


def _all_found(patterns: tuple[bytes, ...], data: bytes, known: dict[bytes, bool]) -> bool:
    for pattern in patterns:
        if pattern not in _compiled:
            _compiled[pattern] = re.compile(pattern)
        key = b"/" + pattern  # of the patterns that several rules share each is looked for once
        if key not in known:
            known[key] = _compiled[pattern].search(data) is not None
        if not known[key]:
            return False
    return True


def _alternative(parts: Sequence[str]) -> Alternative:
    words = tuple(part.encode() for part in parts if not _is_pattern(part))
    return words, tuple(part[1:-1].encode() for part in parts if _is_pattern(part))


def _is_pattern(part: str) -> bool:
    return len(part) > 2 and part[0] == part[-1] == "/"
