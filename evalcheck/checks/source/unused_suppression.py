"""Comments of ours that cannot suppress anything, by what they say alone.

Whether a comment that is well formed has something to suppress is known only when all rules were
asked: ``evalcheck.suppression`` says that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck import rulebook
from evalcheck.complaint import nearest
from evalcheck.finding import Place, Sighting
from evalcheck.source import SourceFile
from evalcheck.suppression.comments import Comment, read


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Names that no rule has, brackets that are empty or left open, ``ignore-file`` behind code."""
    rules = rulebook.load()
    known = {*rules, *(rule.family for rule in rules.values())}
    for comment in read(file.text, rules).all:
        for said in _wrong(comment, known):
            span = file.lines.stretch(comment.line, comment.column, comment.line, comment.end_column)
            yield Sighting("source", Place(span), f"The comment suppresses nothing: {said}.")


def _wrong(comment: Comment, known: set[str]) -> Iterator[str]:
    if not comment.closed:
        yield "its bracket is not closed"
    elif comment.whole and not comment.alone:
        yield "ignore-file must stand on a line of its own; for this line alone, write ignore"
    elif comment.names == ():
        yield "its brackets name no rule"
    else:
        unknown = [name for name in comment.names or () if name not in known]
        yield from (f"there is no rule or family {name!r}{nearest(name, known)}" for name in unknown)
