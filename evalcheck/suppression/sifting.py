"""Holds the findings of one file against its comments: which are meant, which comments are idle."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from evalcheck import rulebook
from evalcheck.finding import Finding, Place, Sighting, Span
from evalcheck.rulebook import Rule
from evalcheck.settings import Settings
from evalcheck.suppression.comments import Comment, read
from evalcheck.terms import Layer

IDLE = "unused-suppression"
READ: tuple[Layer, ...] = ("source",)


class Lines(Protocol):
    """The lines of a file: its path, and how those of spans and those of the text are turned into another."""

    path: str

    def number(self, span: Span) -> int:
        """The line of the text in which a span begins: another number in a notebook's cells."""

    def stretch(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        """The span of a stretch of the text."""


def sift(
    findings: Iterable[Finding],
    text: str,
    lines: Lines,
    settings: Settings,
    layers: Collection[Layer] = READ,
) -> tuple[list[Finding], list[Finding]]:
    """The findings of one file that are not suppressed, and notes on comments that suppress nothing.

    ``layers`` were asked about the whole file. A comment is idle only if that is sure: the rules that it
    names were asked, and by every layer that looks for them.
    """
    comments = Suppressions(text, lines)
    kept = [finding for finding in findings if not comments.take(finding)]
    return kept, comments.idle(settings, layers)


def drop(findings: Iterable[Finding], look: Callable[[str], tuple[str, Lines] | None]) -> list[Finding]:
    """The findings of any files that no comment in one of their files suppresses.

    ``look`` gives the text and the lines of a file by the path that spans have, None for one that is not
    to be had.
    """
    known: dict[str, Suppressions | None] = {}
    kept = []
    for finding in findings:
        paths = dict.fromkeys(s.place.span.path for s in finding.sightings if s.place.span is not None)
        for path in paths:
            if path not in known:
                seen = look(path)
                known[path] = Suppressions(*seen) if seen is not None else None
        if not any(comments.take(finding) for path in paths if (comments := known[path]) is not None):
            kept.append(finding)
    return kept


class Suppressions:
    """The comments of one file that suppress, and what each has suppressed so far."""

    def __init__(self, text: str, lines: Lines) -> None:
        rules = rulebook.load()
        self._lines = lines
        self._comments, self._statements = read(text, rules)
        self._meant = {name: frozenset([name]) for name in rules}
        for rule in rules.values() if self._comments else ():
            self._meant[rule.family] = self._meant.get(rule.family, frozenset()) | {rule.name}
        self._used: dict[Comment, set[str]] = {}

    def take(self, finding: Finding) -> bool:
        """Whether a comment suppresses the finding; it is then known to be needed."""
        covering = [c for c in self._comments if self._covers(c, finding)] if self._comments else []
        for comment in covering:
            self._used.setdefault(comment, set()).add(finding.rule)
        return bool(covering)

    def idle(self, settings: Settings, layers: Collection[Layer]) -> list[Finding]:
        """A note for each comment, or name in one, of which it is sure that it suppresses nothing."""
        asked = {rule.name: rule for rule in settings.rules()}
        for name in settings.ignored_in(self._lines.path) if self._comments else ():
            asked.pop(name, None)
        if IDLE not in asked:
            return []
        judged = _judged(asked, layers)
        notes = [
            self._note(comment, names, settings)
            for comment in self._comments
            if (names := self._idle_names(comment, judged)) is not None
        ]
        return [note for note in notes if not self.take(note)]

    def _covers(self, comment: Comment, finding: Finding) -> bool:
        if comment.names is None:
            if finding.rule == IDLE:
                return False  # or it would hide that it is idle
        elif not any(finding.rule in self._meant.get(name, ()) for name in comment.names):
            return False
        spans = [s.place.span for s in finding.sightings if s.place.span is not None]
        here = [span for span in spans if span.path == self._lines.path]
        if comment.whole:
            return comment.alone and bool(here)
        return comment.closed and any(self._stands_at(comment.line, span) for span in here)

    def _stands_at(self, line: int, span: Span) -> bool:
        """On a line of what was found, as far as its first statement goes, or where that begins."""
        first = self._lines.number(span)
        last = first + span.end_line - span.line
        start, end = self._statements.get(first, (first, last))
        return line == start or first <= line <= min(last, end)

    def _idle_names(self, comment: Comment, judged: Collection[str]) -> tuple[str, ...] | None:
        """The names that suppress nothing; empty for a comment without names, None if all is well."""
        used = self._used.get(comment, set())
        if not comment.closed or (comment.whole and not comment.alone):
            return None  # the check says what is wrong with it
        if comment.names is None:
            return () if not used and ALL in judged else None
        idle = tuple(n for n in comment.names if n != IDLE and self._is_idle(n, used, judged))
        return idle or None

    def _is_idle(self, name: str, used: set[str], judged: Collection[str]) -> bool:
        meant = self._meant.get(name)
        return meant is not None and not (meant & used) and meant <= set(judged)

    def _note(self, comment: Comment, names: tuple[str, ...], settings: Settings) -> Finding:
        rule = rulebook.find(IDLE)
        span = self._lines.stretch(comment.line, comment.column, comment.line, comment.end_column)
        place = Place(span)
        sighting = Sighting("source", place, _message(comment, names))
        return Finding(IDLE, rule.family, settings.severity.get(IDLE, rule.severity), (sighting,))


# Stands in a set of rules for a comment that names none.
ALL = ""


def _judged(asked: dict[str, Rule], layers: Collection[Layer]) -> set[str]:
    """The rules that would have been found: no other layer looks for them."""
    judged = {name for name, rule in asked.items() if set(rule.layers) <= set(layers)}
    if all(rule.name in asked for rule in rulebook.load().values() if set(rule.layers) & set(layers)):
        judged.add(ALL)
    return judged


def _message(comment: Comment, names: tuple[str, ...]) -> str:
    where = "in this file" if comment.whole else "here"
    if not names:
        return f"Reading the source finds nothing {where} to suppress: the comment is not needed."
    what = " or ".join(names)
    if comment.alone and not comment.whole:
        return (
            f"The comment suppresses no {what}: it stands on a line of its own, and is only for what "
            "is found on its line. Put it at the end of that line."
        )
    return f"There is no {what} {where}: the comment suppresses nothing."
