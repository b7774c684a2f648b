"""Strings inside a JSON text: where they stand, and the text again with other strings there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_SPACE = re.compile(r"[\s\ufeff]*")
_ESCAPED = re.compile(r"\\u(?!00[01])[0-9a-fA-F]{4}")
_value = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, or a list of strings that are one text: its place in the JSON text and those of its parts."""

    start: int
    end: int
    text: str
    parts: tuple[tuple[int, int, str], ...] | None


def string_values(raw: str, outer: str, inner: str) -> list[Literal | None]:
    """Of a text ``{outer: [{inner: string}, ...]}`` the string of each object; None where it has none.

    The text must be valid JSON.
    """
    found: list[Literal | None] = []
    for key, start in _members(raw, _after_space(raw, 0)):
        if key == outer and raw[start] == "[":
            found = [_inner(raw, item, inner) for item in _items(raw, start)]
    return found


def _inner(raw: str, start: int, inner: str) -> Literal | None:
    literal = None
    for key, place in _members(raw, start) if raw[start] == "{" else ():
        if key == inner:
            literal = _literal(raw, place)
    return literal


def _literal(raw: str, start: int) -> Literal | None:
    value, end = _value(raw, start)
    if isinstance(value, str):
        return Literal(start, end, value, None)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return None
    places = [(place, *reversed(_value(raw, place))) for place in _items(raw, start)]
    return Literal(start, end, "".join(value), tuple(places))


def _members(raw: str, at: int) -> Iterator[tuple[str, int]]:
    """The keys of the object that begins at a place, and where their values begin."""
    at = _after_space(raw, at + 1)
    while raw[at] != "}":
        key, at = _value(raw, at)
        start = _after_space(raw, _after_space(raw, at) + 1)
        yield key, start
        at = _after_comma(raw, _value(raw, start)[1])


def _items(raw: str, at: int) -> Iterator[int]:
    """Where the items of the list that begins at a place begin."""
    at = _after_space(raw, at + 1)
    while raw[at] != "]":
        yield at
        at = _after_comma(raw, _value(raw, at)[1])


def _after_space(raw: str, at: int) -> int:
    found = _SPACE.match(raw, at)
    return found.end() if found else at


def _after_comma(raw: str, at: int) -> int:
    at = _after_space(raw, at)
    return _after_space(raw, at + 1) if raw[at] == "," else at


def rewritten(raw: str, literal: Literal, text: str) -> str:
    """The JSON for another text in a literal's place; lines that stay are written as they were."""
    ascii_only = raw.isascii() and _ESCAPED.search(raw) is not None
    if not literal.parts:
        return json.dumps(text if literal.parts is None else [text], ensure_ascii=ascii_only)
    known = {part: raw[start:end] for start, end, part in literal.parts}
    lines = [known.get(line) or json.dumps(line, ensure_ascii=ascii_only) for line in _lines(text)]
    first, last = literal.parts[0], literal.parts[-1]
    joint = "," + raw[literal.start + 1 : first[0]]
    if len(literal.parts) > 1:
        joint = raw[first[1] : literal.parts[1][0]]
    return raw[literal.start : first[0]] + joint.join(lines) + raw[last[1] : literal.end]


def _lines(text: str) -> list[str]:
    """Each with its end, as notebooks keep them."""
    return re.findall(r"[^\n]*\n|[^\n]+", text) or [""]
