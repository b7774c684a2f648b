"""What the reader finds in well-kept packages was read by people, and nearly all of it is true."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.field.refresh import PACKAGES, read_table

ROWS = read_table()


def test_every_finding_was_read() -> None:
    """No row waits for its verdict, and each says why it is what it is."""
    assert ROWS
    assert [row for row in ROWS if row["verdict"] not in ("true", "false") or not row["reason"]] == []


def test_nine_in_ten_are_true() -> None:
    """Over all the packages together."""
    verdicts = Counter(row["verdict"] for row in ROWS)
    assert verdicts["true"] >= 9 * verdicts["false"]


def test_an_error_is_true() -> None:
    """Not one of them may be false."""
    assert [row for row in ROWS if row["severity"] == "error" and row["verdict"] == "false"] == []


def test_the_packages_are_many() -> None:
    """At least ten were looked at, whether something was found in them or not."""
    assert len(PACKAGES) >= 10
    assert {row["package"] for row in ROWS} <= set(PACKAGES)


@pytest.mark.parametrize("field", ["rule", "path", "line", "fingerprint"])
def test_rows_are_whole(field: str) -> None:
    """Whoever doubts a verdict finds the line."""
    assert all(row[field] for row in ROWS)
