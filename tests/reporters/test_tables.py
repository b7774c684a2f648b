"""Names that can be told apart, bars, and signs that an encoding lacks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcheck.reporters import render
from evalcheck.reporters.grid import bar, drawn
from evalcheck.reporters.names import shortened
from evalcheck.reporters.sheet import Share, Sheet
from evalcheck.reporters.spelling import spelled
from tests.reporters import samples, situations

PATHS = st.lists(
    st.lists(st.sampled_from(["a", "bb", "norm", "0", "1", "encoder"]), min_size=1, max_size=6).map(".".join),
    unique=True,
    max_size=8,
)


@given(PATHS, st.integers(4, 40))
def test_shortened_names_are_told_apart(names: list[str], room: int) -> None:
    """Each is whole, or the only one that ends as it does."""
    short = shortened(names, room)
    assert len(set(short)) == len(names)
    for name, seen in zip(names, short, strict=True):
        assert seen == name or (len(seen) <= room and name.endswith(f".{seen.removeprefix('…')}"))
        assert seen == name or sum(f".{other}".endswith(f".{seen[1:]}") for other in names) == 1


def test_a_name_that_fits_is_whole() -> None:
    assert shortened(["blocks.0.norm", "x" * 90], 20) == ["blocks.0.norm", "x" * 90]


def test_a_name_that_cannot_be_cut_has_its_own_line() -> None:
    """With -v no name is cut."""
    rows = [str(row) for row in drawn(Sheet(("norm", "wrong by"), (("a." * 30 + "b", "0.5"),)), 60, True)]
    assert rows[1:] == ["a." * 30 + "b", "           0.5"] or rows[1] == "a." * 30 + "b"
    assert all(
        situations.DEEP.format(0, block) in render(situations.stale(), width=80, verbose=True)
        for block in (0, 1)
    )


@given(st.floats(-2, 3), st.integers(0, 30))
def test_a_bar_is_as_long_as_its_share(value: float, length: int) -> None:
    """To an eighth of a sign, and never longer than the whole."""
    signs = bar(value, length)
    assert len(signs) <= length
    assert abs(len(signs) - max(0.0, min(1.0, value)) * length) < 1.01


def test_a_share_below_nothing_has_no_bar() -> None:
    """Nor a minus before a zero."""
    rows = [
        str(row)
        for row in drawn(Sheet(("norm", "part"), (("a", Share(-0.001)), ("b", Share(None)))), 80, False)
    ]
    assert rows == ["norm  part", "a       0%", "b"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "no such encoding"])
def test_a_poor_encoding_gets_other_signs(encoding: str) -> None:
    """Bars, arrows and frames are spelled in signs that it has."""
    text = spelled(render(samples.full(), width=80), encoding)
    assert "?" not in text.encode("ascii" if " " in encoding else encoding, "replace").decode("latin-1")


def test_a_rich_encoding_changes_nothing() -> None:
    text = render(samples.full(), width=80)
    assert spelled(text, "utf8") == spelled(text, None) == text
