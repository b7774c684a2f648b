"""Workflow commands: one line each, whatever a message or a path holds."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from evalcheck.finding import Finding, Place, Report, Sighting, Span
from evalcheck.reporters import render
from tests.reporters import samples
from tests.reporters.keeping import kept

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::([^\r\n]*)\n")


def report(path: str, message: str) -> Report:
    sighting = Sighting("source", Place(Span(path, 3, 5, 3, 9)), message)
    return Report("t", (Finding("missing-eval", "mode", "note", (sighting,)),))


def decoded(text: str) -> str:
    for sign, code in ((",", "%2C"), (":", "%3A"), ("\n", "%0A"), ("\r", "%0D"), ("%", "%25")):
        text = text.replace(code, sign)
    return text


def test_output_is_what_the_golden_file_says() -> None:
    """Lines of a file, cells of a notebook, modules of a model."""
    text = render(samples.read(), "github") + render(samples.full(), "github", verbose=True)
    assert text == kept("github", text)


def test_columns_are_given_only_within_one_line() -> None:
    """GitHub refuses them elsewhere."""
    lines = render(samples.read(), "github").splitlines()
    assert "line=3,endLine=4,title=" in lines[0]
    assert "line=3,endLine=3,col=5,endColumn=9,title=" in render(report("a.py", "so"), "github")


def test_a_cells_lines_are_not_those_of_the_file() -> None:
    """They stand in the message."""
    line = render(samples.read(), "github").splitlines()[1]
    assert line.startswith("::warning file=train.ipynb,title=missing-eval::cell 3, line 2: ")


@given(st.text(), st.text())
def test_nothing_breaks_out_of_its_command(path: str, message: str) -> None:
    """Neither a path nor a message ends the line, the property or the command."""
    match = COMMAND.fullmatch(render(report(path, message), "github"))
    assert match is not None
    properties = dict(pair.split("=", 1) for pair in match[2].split(","))
    assert decoded(properties["file"]) == path
    assert properties["line"] == "3"
    assert decoded(match[3]).startswith(f"{message}\n")
