"""The line of code under a finding, with what is meant marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalcheck.finding import Span
from evalcheck.reporters.frame import frame

LONG = f"x = {'a + ' * 40}dropout(x, 0.5){' + b' * 40}"


@pytest.mark.parametrize("width", [60, 80, 140])
def test_what_is_marked_is_seen_however_long_the_line(tmp_path: Path, width: int) -> None:
    """The line is cut at its left where what is meant would not be reached."""
    file = tmp_path / "net.py"
    file.write_text(f"y = 1\n{LONG}\n")
    start = LONG.index("dropout") + 1
    rows = [str(row) for row in frame(Span(str(file), 2, start, 2, start + 15), width)]
    code, marks = rows[1], rows[2]
    assert max(map(len, rows)) <= width
    assert code[marks.index("^") : marks.rindex("^") + 1] == "dropout(x, 0.5)"


def test_a_line_that_fits_is_shown_from_its_beginning(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("y = dropout(x)\n")
    rows = [str(row) for row in frame(Span(str(file), 1, 5, 1, 15), 80)]
    assert rows == ["1 │ y = dropout(x)", "  │     ^^^^^^^^^^"]
