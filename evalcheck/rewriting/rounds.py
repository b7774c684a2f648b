"""Fixes one file until nothing changes any more: what a fix uncovers is fixed in the next round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from evalcheck.finding import Finding, Fix, Span
from evalcheck.rewriting.documents import Document, open_document
from evalcheck.rewriting.patch import Cell, Change, Patched, Ruler, patch

ROUNDS = 10
Lint = Callable[[bytes], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file before and after.

    ``fixed`` counts the fixes that were made and that helped, ``hidden`` the unsafe ones that were not
    asked for; ``left`` are the findings in the file as it is ``after``.
    """

    path: str
    before: bytes
    after: bytes
    fixed: int
    hidden: int
    left: tuple[Finding, ...]

    @property
    def changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Mended:
    """The place of a finding that was fixed: it lies between two offsets, however the text was changed."""

    rule: str
    cell: Cell
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A fix that a finding comes with, and where the finding stands."""

    rule: str
    span: Span
    fix: Fix


def rewrite(path: str, data: bytes, lint: Lint, *, unsafe: bool = False) -> Rewritten:
    """A file with its fixes. ``lint`` gives the findings of the file with some bytes; nothing is written.

    A finding that is still there after its fix is not tried again. Raises ``Unreadable`` for a file
    that cannot be read or cannot be written back in its encoding.
    """
    findings = tuple(lint(data))
    if not any(_offers(findings, unsafe=True)):
        return Rewritten(path, data, data, 0, 0, findings)
    now, mended, fixed = data, list[Mended](), 0
    for _ in range(ROUNDS):
        document = open_document(now, path)
        failed, offers = _sorted_out(document, _offers(findings, unsafe), mended)
        done = patch(document.pieces, [offer.fix for offer in offers], document.valid)
        after = _bytes(document, done)
        if not done.taken or after is None or after == now:
            break
        taken = [_place(document, offers[place]) for place in done.taken]
        mended = [_moved(place, done.changes) for place in (*mended, *taken)]
        fixed += len(taken)
        now, findings = after, tuple(lint(after))
    document = open_document(now, path)
    failed, _ = _sorted_out(document, _offers(findings, unsafe=True), mended)
    hidden = 0 if unsafe else sum(not offer.fix.safe for offer in _offers(findings, unsafe=True))
    return Rewritten(path, data, now, max(fixed - len(failed), 0), hidden, findings)


def _offers(findings: Sequence[Finding], unsafe: bool) -> Iterator[Offer]:
    for finding in findings:
        for sighting in finding.sightings:
            span, fix = sighting.place.span, sighting.fix
            if span is None or fix is None or not (fix.safe or unsafe):
                continue
            if all(edit.span.path == span.path for edit in fix.edits):
                yield Offer(finding.rule, span, fix)


def _sorted_out(
    document: Document, offers: Iterable[Offer], mended: Sequence[Mended]
) -> tuple[set[Mended], list[Offer]]:
    """The places that were mended in vain, and the offers for other places."""
    failed, fresh = set[Mended](), list[Offer]()
    for offer in offers:
        here = _place(document, offer)
        same = [m for m in mended if m.rule == here.rule and m.cell == here.cell]
        again = {m for m in same if m.first <= here.first <= m.last}
        failed |= again
        if not again:
            fresh.append(offer)
    return failed, fresh


def _place(document: Document, offer: Offer) -> Mended:
    offset = -1
    if offer.span.cell in document.pieces:
        found = Ruler(document.pieces[offer.span.cell]).offset(offer.span.line, offer.span.column)
        offset = -1 if found is None else found
    return Mended(offer.rule, offer.span.cell, offset, offset)


def _moved(place: Mended, changes: Sequence[Change]) -> Mended:
    """Where a place lies after changes in order; text put in exactly there may come before or after it."""
    here = [change for change in changes if change.cell == place.cell]
    return replace(place, first=_earliest(place.first, here), last=_latest(place.last, here))


def _earliest(offset: int, changes: Iterable[Change]) -> int:
    shift = 0
    for change in changes:
        if change.start >= offset:
            break
        if change.end > offset:
            return change.start + shift
        shift += change.grown
    return offset + shift


def _latest(offset: int, changes: Iterable[Change]) -> int:
    shift = 0
    for change in changes:
        if change.start > offset:
            break
        if change.end > offset:
            return change.start + shift + len(change.text)
        shift += change.grown
    return offset + shift


def _bytes(document: Document, done: Patched) -> bytes | None:
    try:
        return document.bytes(done.pieces)
    except UnicodeError:
        return None
