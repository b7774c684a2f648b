"""Which comments suppress, and what in them is a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcheck.suppression.comments import Comment, parsed, read

RULES = {"missing-eval", "unseeded-rng"}
WORD = st.from_regex(r"[a-z]{1,6}(-[a-z]{1,6}){0,2}", fullmatch=True)
SPACE = st.sampled_from(["", " ", "  ", "\t"])


def said(text: str) -> list[tuple[int, tuple[str, ...] | None, bool]]:
    return [(c.line, c.names, c.whole) for c in read(text, RULES).all]


@pytest.mark.parametrize(
    ("comment", "names"),
    [
        ("# evalcheck: ignore", None),
        ("# evalcheck: ignore because it is meant", None),
        ("#evalcheck:ignore[missing-eval]", ("missing-eval",)),
        ("#  evalcheck : ignore [ missing-eval , seeds ]  a reason", ("missing-eval", "seeds")),
        ("# type: ignore  # evalcheck: ignore[seeds] why", ("seeds",)),
        ("# evalcheck: ignore[seeds]: why  # noqa: E501", ("seeds",)),
        ("# evalcheck: ignore[]", ()),
        ("# noqa: missing-eval", ("missing-eval",)),
        ("# NOQA:E501,missing-eval F401 unseeded-rng see missing-eval", ("missing-eval", "unseeded-rng")),
    ],
)
def test_what_is_understood(comment: str, names: tuple[str, ...] | None) -> None:
    """Spaces do not matter, a reason may follow, other tools' comments may stand beside it."""
    for text in (f"x = 1  {comment}\n", f"x = 1{comment}\n", f"{comment}\n", f"x = (  {comment}\n1)\n"):
        assert said(text) == [(1, names, False)]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # noqa\n",
        "x = 1  # noqa: E501, F401\n",
        "x = 1  # noqa: E501 see missing-eval\n",
        "x = 1  # ruff: noqa: missing-eval\n",
        "x = 1  # evalcheck: ignored\n",
        "x = 1  # evalcheck: ignore-files\n",
        "x = 1  # like `# evalcheck: ignore`\n",
        "x = '# evalcheck: ignore'\n",
        'x = """\n# evalcheck: ignore-file\n"""\n',
        "evalcheck: ignore = 1\n",
        "",
    ],
)
def test_what_is_none_of_ours(text: str) -> None:
    """Strings, plain noqa, the codes of others, words that only look alike."""
    assert said(text) == []


def test_a_text_that_does_not_tokenize_is_read_by_its_lines() -> None:
    """Better a comment too many than none."""
    text = "x = (\n  # evalcheck: ignore-file[seeds]\ny = '''  # evalcheck: ignore\n"
    assert said(text) == [(2, ("seeds",), True), (3, None, False)]


def test_brackets_left_open_are_known() -> None:
    """Whoever wrote names did not mean all rules."""
    [comment] = read("x = 1  # evalcheck: ignore[seeds, data\n", RULES).all
    assert not comment.closed
    assert comment.names == ("seeds", "data")


def test_statements_of_several_lines_are_known_by_each_of_them() -> None:
    """A header is a statement by itself; lines end as the parser ends them."""
    text = "def f(\r\n    a,\r    b,\n):\n    x = [\n        1,\n    ]  # evalcheck: ignore\n"
    comments = read(text, RULES)
    assert [c.line for c in comments.all] == [7]
    assert [comments.statements[n] for n in (1, 3, 4, 5, 6, 7)] == [(1, 4)] * 3 + [(5, 7)] * 3


@given(st.lists(WORD, min_size=1, unique=True), SPACE, SPACE, st.sampled_from(["", " reason", "  # more"]))
def test_names_come_back_as_they_were_written(names: list[str], one: str, two: str, rest: str) -> None:
    """Whatever the spaces are, and whatever stands behind."""
    comment = f"#{one}evalcheck{two}:{one}ignore{two}[{one}{f'{two},{one}'.join(names)}{two}]{rest}"
    assert parsed(comment, 3, RULES, 7) == [
        Comment(3, 7, 7 + len(comment) - len(rest), tuple(names), False, False, False, True)
    ]


@given(st.lists(st.sampled_from(["E501", "F4", "missing-eval", "unseeded-rng", "B008"]), min_size=1), SPACE)
def test_codes_of_others_hide_none_of_ours(codes: list[str], space: str) -> None:
    """In any order and with any separator."""
    ours = tuple(dict.fromkeys(code for code in codes if code in RULES))
    for joint in (",", ", ", " ", f",{space}"):
        found = parsed(f"# noqa:{space}{joint.join(codes)}", 1, RULES)
        assert [c.names for c in found] == ([ours] if ours else [])


@given(st.text(st.sampled_from("#evalchknoqigf:-[], \nx='\"(\\\t\r"), max_size=80))
def test_any_text_is_read(text: str) -> None:
    """No text breaks it, and what it finds lies within the text."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for prefix in ("", "# evalcheck: ignore\n"):
        found = read(prefix + text, RULES).all
        for comment in found:
            line = [*prefix.splitlines(), *lines][comment.line - 1]
            assert line[comment.column - 1] == "#"
            assert comment.end_column <= len(line) + 1


@given(st.text(max_size=60))
def test_a_comment_in_a_string_is_none(text: str) -> None:
    """Whatever the string holds beside it."""
    assert read(f"x = {text + '# evalcheck: ignore'!r}\n", RULES).all == ()
