"""Edits in text: what they change, what they leave, and what is done where they clash or break."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcheck.finding import Edit, Fix, Span
from evalcheck.rewriting.documents import Script
from evalcheck.rewriting.patch import patch
from evalcheck.source import SourceFile
from evalcheck.source.edits import add_argument


def fix(*edits: tuple[int, int, int, int, str], cell: int | None = None) -> Fix:
    spans = [(Span("net.py", *edit[:4], cell=cell), edit[4]) for edit in edits]
    return Fix("mend", tuple(Edit(span, text) for span, text in spans), safe=True)


def after(text: str, *fixes: Fix) -> tuple[str, tuple[int, ...]]:
    done = patch({None: text}, fixes, lambda cell, new: parses(new))
    return done.pieces[None], done.taken


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def test_edits_are_applied_by_place_whatever_their_order() -> None:
    """Later ones are not moved by earlier ones."""
    text = "f(1)\ng(2)\n"
    assert after(text, fix((2, 4, 2, 4, ", y=2")), fix((1, 4, 1, 4, ", x=1")))[0] == "f(1, x=1)\ng(2, y=2)\n"


def test_of_two_fixes_for_one_place_the_first_is_taken() -> None:
    """The other is left for the next round, whole: not one of its edits is made."""
    text, taken = after("f(1)\ng(2)\n", fix((1, 3, 1, 4, "a")), fix((1, 3, 1, 4, "b"), (2, 3, 2, 4, "b")))
    assert text == "f(a)\ng(2)\n"
    assert taken == (0,)


def test_two_insertions_at_one_point_are_two_rounds_unless_one_fix_makes_them() -> None:
    """Their order would matter, and only a fix knows its own."""
    text, taken = after("f(1)", fix((1, 4, 1, 4, ", a=1")), fix((1, 4, 1, 4, ", a=1")))
    assert (text, taken) == ("f(1, a=1)", (0,))
    assert after("f(1)", fix((1, 4, 1, 4, ", a=1"), (1, 4, 1, 4, ", b=2")))[0] == "f(1, a=1, b=2)"


def test_a_fix_that_breaks_the_file_does_not_cost_the_others() -> None:
    """They are tried one by one."""
    text, taken = after("f(1)\ng(2)\n", fix((1, 4, 1, 5, "")), fix((2, 4, 2, 4, ", y=2")))
    assert (text, taken) == ("f(1)\ng(2, y=2)\n", (1,))


@pytest.mark.parametrize(
    "edit", [(9, 1, 9, 1, "x"), (1, 90, 1, 91, "x"), (1, 3, 1, 2, "x"), (0, 1, 1, 1, "x")]
)
def test_an_edit_without_a_place_is_dropped(edit: tuple[int, int, int, int, str]) -> None:
    """Such as one for another version of the file."""
    assert after("f(1)\n", fix(edit), fix((1, 4, 1, 4, ", x=1"))) == ("f(1, x=1)\n", (1,))
    assert after("f(1)\n", fix(edit, (1, 3, 1, 4, "2")))[0] == "f(1)\n"
    assert after("f(1)\n", fix((1, 3, 1, 4, "2"), cell=1))[0] == "f(1)\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_new_lines_end_as_those_around_them(end: str) -> None:
    """Whatever the fix was written with."""
    assert (
        after(f"a = 1{end}b = 2{end}", fix((2, 1, 2, 1, "c = 3\n")))[0] == f"a = 1{end}c = 3{end}b = 2{end}"
    )


def test_a_keyword_that_is_there_already_is_not_given_twice() -> None:
    """The parser alone would take it."""
    document = Script(b"f(1, a=1)\n", "net.py")
    assert not document.valid(None, "f(1, a=1, a=1)\n")
    assert document.valid(None, "f(1, a=1, b=1)\n")
    assert Script(b"return f(1)\n", "net.py").valid(None, "return f(2)\n")


NAMES = st.sampled_from(["x", "ärger", "naïve", "値", "b1"])
SIMPLE = NAMES | st.sampled_from(
    ["1", "'é\\n'", '"(#,"', "[1, 2]", "(x)", "((x))", "(1,)", "lambda: 0", "x if x else 1"]
)
CALLS = st.recursive(
    SIMPLE,
    lambda inner: st.builds(
        "drop({}{})".format,
        st.lists(inner, min_size=1, max_size=3).map(", ".join),
        st.sampled_from(
            ["", ",", " ,  # ) last\n", "  # it's (\n", ", k=(1)", "\n,\n", "\f", " \\\n", ", **k"]
        ),
    ),
    max_leaves=6,
)
LINES = CALLS.map("y = {}".format) | st.sampled_from(
    ["", "# é", "\ty = 1".strip(), "s = '''\f\x1c'''", "if x:\n\tdrop(1)"]
)


@given(
    st.lists(LINES, max_size=6).map("\n".join),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.booleans(),
)
def test_only_the_edits_change_the_file(text: str, end: str, mark: bool, closed: bool) -> None:
    """Line ends, tabs, form feeds, marks and comments stay; every call gets its argument; nested ones too."""
    text = text.replace("\n", end) + (end if closed else "")
    data = (b"\xef\xbb\xbf" if mark else b"") + text.encode()
    if not parses(text):
        return
    document = Script(data, "net.py")
    file = SourceFile.from_text(text, "net.py")
    calls = list(file.every_call())
    fixes = [add_argument(file, call, "training=True", "tell") for call in calls]
    assert all(fixes)
    done = patch(document.pieces, [fix for fix in fixes if fix], document.valid)
    assert len(done.taken) == len(calls)
    written = document.bytes(done.pieces)
    assert re.sub(rb"(, )?training=True", b"", written) == data
    again = SourceFile.from_text(done.pieces[None], "net.py")
    told = [[k.arg for k in call.keywords] for call in again.every_call()]
    assert all(keywords.count("training") == 1 for keywords in told)
    arguments = sorted(len(call.args) for call in again.every_call())
    assert arguments == sorted(len(call.args) for call in calls)
