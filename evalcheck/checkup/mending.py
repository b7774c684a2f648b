"""Fixes for what the reader found, file by file; writing them is left to the door."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from evalcheck.checkup import reading
from evalcheck.finding import Finding, Report
from evalcheck.rewriting import Rewritten, rewrite
from evalcheck.settings import Settings
from evalcheck.source.reading import Unreadable, load


def mended(
    report: Report, settings: Settings, roots: Sequence[str] = (), *, unsafe: bool = False
) -> Iterator[Rewritten]:
    """The files of a report that have fixes, as they would be with them."""
    paths = {f.place.span.path for f in report.findings if f.fix is not None and f.place.span is not None}
    for path in sorted(paths):
        try:
            yield text(path, load(path, path), settings, roots, unsafe=unsafe)
        except Unreadable:
            continue  # it was readable a moment ago: the report of the next run says what became of it


def text(
    path: str, data: bytes, settings: Settings, roots: Sequence[str] = (), *, unsafe: bool = False
) -> Rewritten:
    """One file of these bytes with its fixes. Raises :class:`Unreadable`."""
    return rewrite(path, data, partial(_findings, path, settings, roots), unsafe=unsafe)


def _findings(path: str, settings: Settings, roots: Sequence[str], data: bytes) -> tuple[Finding, ...]:
    return reading.lint_text(path, data, settings, roots).findings
