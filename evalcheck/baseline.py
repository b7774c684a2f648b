"""Findings that were there before: a file of them, which are not reported again.

One entry per line, so that a diff shows what came and what went. A finding is known by its rule, its
file and the text of its line: it stays known when the lines above it change, or the folder that
evalcheck is called from. Two equal lines are two findings, and need a count of two.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from evalcheck.complaint import Complaint
from evalcheck.finding import Finding, Report

SCHEMA = 1


class Known(NamedTuple):
    """One finding as a baseline knows it.

    ``path`` leads from the baseline's folder to the file, or is the target of a model in which no
    line is known. ``mark`` is a hash of the line's text, or the name of the module.
    """

    path: str
    rule: str
    kind: str
    mark: str


class Baseline:
    """The findings that a file records, less those that were met since."""

    def __init__(self, file: Path, counts: Counter[Known]) -> None:
        self._file = file
        self._left = Counter(counts)

    def without(self, report: Report) -> Report:
        """The report less what is recorded; each record stands for one finding."""
        return replace(report, findings=tuple(f for f in report.findings if not self._takes(f, report)))

    def _takes(self, finding: Finding, report: Report) -> bool:
        known = _known(finding, report, self._file)
        if self._left[known] <= 0:
            return False
        self._left[known] -= 1
        return True

    def gone(self, subjects: Iterable[str], rules: Collection[str]) -> int:
        """How many records were not met, of these rules and below these paths or of these targets."""
        tops = [_relative(subject, self._file) for subject in subjects]
        return sum(
            count
            for known, count in self._left.items()
            if known.rule in rules and any(_lies_in(known.path, top) for top in tops)
        )


def load(file: Path) -> Baseline:
    """The baseline that a file holds. Raises :class:`Complaint` for a file that is none."""
    try:
        data = json.loads(file.read_text("utf8"))
    except FileNotFoundError:
        raise Complaint(f"{file} does not exist; --write-baseline makes it") from None
    except OSError as error:
        raise Complaint(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise Complaint(f"{file} is not a baseline of evalcheck: it is not JSON") from None
    try:
        if data["schema"] != SCHEMA:
            raise Complaint(
                f"{file} is a baseline of another version of evalcheck; --write-baseline renews it"
            )
        counts: Counter[Known] = Counter()
        for entry in data["findings"]:
            counts[_entry(entry)] += _count(entry)
    except (KeyError, TypeError, ValueError):
        raise Complaint(f"{file} is not a baseline of evalcheck; --write-baseline makes one") from None
    return Baseline(file, counts)


def write(file: Path, reports: Iterable[Report]) -> int:
    """Record the findings of some reports in place of what the file held; returns how many there are."""
    counts = Counter(_known(finding, report, file) for report in reports for finding in report.findings)
    lines = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in _entries(counts))
    text = (
        f'{{"schema": {SCHEMA}, "findings": [\n{lines}\n]}}\n'
        if lines
        else f'{{"schema": {SCHEMA}, "findings": []}}\n'
    )
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        fresh.write_text(text, "utf8", errors="backslashreplace")
        os.replace(fresh, file)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise Complaint(f"{file} cannot be written ({error.strerror})") from None
    return sum(counts.values())


def _known(finding: Finding, report: Report, file: Path) -> Known:
    place = finding.place
    if place.span is None:
        return Known(_relative(report.target, file), finding.rule, "module", place.module or "")
    text = place.span.text.strip().encode("utf8", "surrogatepass")
    mark = hashlib.blake2b(text, digest_size=8).hexdigest()
    return Known(_relative(place.span.path, file), finding.rule, "line", mark)


def _relative(path: str, file: Path) -> str:
    """The way from the baseline's folder to a file; a target keeps what follows its file."""
    name, colon, attribute = path, "", ""
    if not os.path.exists(path):
        name, colon, attribute = path.rpartition(":") if ":" in path else (path, "", "")
        if not os.path.exists(name):
            return path
    folder, base = os.path.split(os.path.abspath(name))
    try:
        way = os.path.relpath(
            os.path.join(_real(folder), base), _real(os.path.dirname(os.path.abspath(file)))
        )
    except ValueError:  # another drive
        way = name
    return way.replace(os.sep, "/") + colon + attribute


_real = cache(os.path.realpath)


def _lies_in(path: str, top: str) -> bool:
    if top == ".":
        return not path.startswith("../")
    return path == top or path.startswith(f"{top}/")


def _entries(counts: Counter[Known]) -> Iterator[dict[str, Any]]:
    for known in sorted(counts):
        entry: dict[str, Any] = {"path": known.path, "rule": known.rule, known.kind: known.mark}
        yield entry if counts[known] == 1 else {**entry, "count": counts[known]}


def _entry(entry: dict[str, Any]) -> Known:
    kind = "line" if "line" in entry else "module"
    known = Known(entry["path"], entry["rule"], kind, entry[kind])
    if not all(isinstance(part, str) for part in known):
        raise ValueError
    return known


def _count(entry: dict[str, Any]) -> int:
    count = entry.get("count", 1)
    if type(count) is not int or count < 1:
        raise ValueError
    return count
