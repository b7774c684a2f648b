"""Reads the comments that suppress: ``# evalcheck: ignore[rule] reason``, ``# noqa: rule``.

Only real comments count, so the text goes through ``tokenize``, but only if it holds the words at
all. A text that does not tokenize is read line by line.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Container, Iterator
from typing import NamedTuple

OURS = re.compile(r"(?<!\S)#\s*evalcheck\s*:\s*(ignore(?:-file)?)(?![\w-])(?:\s*(\[[^\]]*(?:\]|$)))?")
THEIRS = re.compile(r"(?<!\S)#\s*noqa\s*:", re.I)
WORDS = re.compile(r"evalcheck\s*:\s*ignore")
NOQA = re.compile(r"noqa\s*:", re.I)
CODE = re.compile(r"[,\s]*([A-Za-z][\w-]*)")
FOREIGN = re.compile(r"[A-Z]+\d+")
LINE_END = re.compile(r"\r\n|\r|\n")

# Tokens that do not belong to a statement.
BETWEEN = frozenset(
    [tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER]
)


class Comment(NamedTuple):
    """One comment that suppresses. Lines and columns count from one, as in the text.

    ``names`` are rules and families, None where all are meant. ``whole``: it is for the whole file;
    ``alone``: nothing else stands on its line; ``closed``: its brackets are.
    """

    line: int
    column: int
    end_column: int
    names: tuple[str, ...] | None
    whole: bool = False
    foreign: bool = False
    alone: bool = False
    closed: bool = True


class Comments(NamedTuple):
    """The comments of a text, and the lines from which to which the statement of a line goes."""

    all: tuple[Comment, ...]
    statements: dict[int, tuple[int, int]]


def mentioned(text: str, rules: Container[str]) -> bool:
    """Whether the words stand in a text at all, in comments or elsewhere."""
    if "evalcheck" in text and WORDS.search(text):
        return True
    if "noqa" not in text.lower():
        return False
    return any(_theirs(match, 1, 1, rules) for match in NOQA.finditer(text))


def read(text: str, rules: Container[str]) -> Comments:
    """The comments that suppress, in their order. ``rules`` are the names that count behind noqa."""
    if not mentioned(text, rules):
        return Comments((), {})
    try:
        return _tokenized(text, rules)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return Comments(tuple(_by_lines(text, rules)), {})


def parsed(
    comment: str, line: int, rules: Container[str], column: int = 1, alone: bool = False
) -> list[Comment]:
    """What one comment says, from its sign to the line's end; it may say several things."""
    found = [_ours(match, line, column, alone) for match in OURS.finditer(comment)]
    found += (c for match in THEIRS.finditer(comment) if (c := _theirs(match, line, column, rules)))
    return sorted(found, key=lambda one: one.column)


def _ours(match: re.Match[str], line: int, column: int, alone: bool) -> Comment:
    word, bracket = match[1], match[2]
    names = None
    if bracket is not None:
        given = (name.strip() for name in bracket.strip("[]").split(","))
        names = tuple(dict.fromkeys(name for name in given if name))
    return Comment(
        line,
        column + match.start(),
        column + match.end(),
        names,
        whole=word == "ignore-file",
        alone=alone,
        closed=bracket is None or bracket.endswith("]"),
    )


def _theirs(match: re.Match[str], line: int, column: int, rules: Container[str]) -> Comment | None:
    """Ours among the codes of a noqa; the list ends with the first word that is no code."""
    names, end = list[str](), match.end()
    while (code := CODE.match(match.string, end)) and (code[1] in rules or FOREIGN.fullmatch(code[1])):
        end = code.end()
        if code[1] in rules:
            names.append(code[1])
    if not names:
        return None
    return Comment(line, column + match.start(), column + end, tuple(dict.fromkeys(names)), foreign=True)


def _tokenized(text: str, rules: Container[str]) -> Comments:
    found, statements, first = list[Comment](), dict[int, tuple[int, int]](), 0
    for token in tokenize.generate_tokens(_lines_of(text)):
        if token.type == tokenize.COMMENT:
            row, offset = token.start
            found += parsed(token.string, row, rules, offset + 1, not token.line[:offset].strip())
        if token.type == tokenize.NEWLINE:
            statements.update(dict.fromkeys(range(first, token.start[0] + 1), (first, token.start[0])))
            first = 0
        elif token.type not in BETWEEN:
            first = first or token.start[0]
    return Comments(tuple(found), statements)


def _lines_of(text: str) -> Callable[[], str]:
    """Lines as the parser counts them: ended by LF, CR LF or CR."""
    return io.StringIO(text, newline=None).readline


def _by_lines(text: str, rules: Container[str]) -> Iterator[Comment]:
    for number, line in enumerate(LINE_END.split(text), 1):
        start = line.find("#")
        if start >= 0:
            yield from parsed(line[start:], number, rules, start + 1, not line[:start].strip())
