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


QUOTES = b'"""'
CODE = (b"\nclass ", b"\n    def ", b"\nimport ")
IDENTIFIER = re.compile(rb"\w{3,}")


class Triggers:
    """The necessary conditions of some rules, asked of one file after the other."""

    def __init__(self, reads: Mapping[str, Reads]) -> None:
        # Rules that look at one thing state the same alternatives: each is asked once.
        self._asking: dict[Alternative, list[str]] = {}
        for name, some in reads.items():
            for parts in some:
                self._asking.setdefault(_alternative(parts), []).append(name)
        self._vocabulary = Vocabulary({word for words, _ in self._asking for word in words})
        # Of a word that is one identifier, or a part of one, nothing more needs to be asked.
        self._settled = {word for words, _ in self._asking for word in words if IDENTIFIER.fullmatch(word)}
        self._order = {name: place for place, name in enumerate(reads)}

    def compile(self) -> None:
        """Compile every pattern, which else happens when the first file holds the words before it."""
        for _, patterns in self._asking:
            for pattern in patterns:
                _compiled.setdefault(pattern, re.compile(pattern))

    def concerned(self, data: bytes) -> list[str]:
        """The names of the rules that the bytes of a file could concern."""
        data = _without_docstrings(data)
        possible = self._vocabulary.possible(data)
        known = dict.fromkeys(possible & self._settled, True)
        found: set[str] = set()
        for alternative, names in self._asking.items():
            if not possible.issuperset(alternative[0]) or found.issuperset(names):
                continue
            if _met(alternative, data, known):
                found.update(names)
        return sorted(found, key=self._order.__getitem__)


def _without_docstrings(data: bytes) -> bytes:
    """The bytes without what stands in triple quotes: much of a library is examples in prose."""
    parts = data.split(QUOTES)
    if len(parts) % 2 == 0 or any(mark in inner for inner in parts[1::2] for mark in CODE):
        return data  # quotes within quotes: what is code and what is not cannot be told so simply
    return QUOTES.join(parts[::2])


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
