"""Findings against comments: what is suppressed, and which comment is idle."""

from __future__ import annotations

import pytest

from evalcheck import rulebook
from evalcheck.finding import Finding, Place, Sighting, Span
from evalcheck.settings import Settings
from evalcheck.source.lines import Lines
from evalcheck.suppression import drop, sift

# Rules that only the reader looks for, and one that others look for too.
SOURCE_ONLY, SECOND, *_ = (
    rule.name
    for rule in rulebook.load().values()
    if rule.layers == ("source",) and rule.name != "unused-suppression"
)
SEVERAL = "unregistered-submodule"


def finding(
    rule: str, line: int, end: int | None = None, path: str = "net.py", cell: int | None = None
) -> Finding:
    span = Span(path, line, 1, end or line, 9, cell)
    return Finding(rule, rulebook.find(rule).family, "warning", (Sighting("source", Place(span), "so"),))


def sifted(
    text: str, *findings: Finding, settings: Settings | None = None, lines: Lines | None = None
) -> tuple[list[str], list[str]]:
    kept, idle = sift(findings, text, lines or Lines(text, "net.py"), settings or Settings())
    return [f.rule for f in kept], [f"{n.place.span.line}: {n.message}" for n in idle if n.place.span]


@pytest.mark.parametrize(
    "comment",
    [
        f"# evalcheck: ignore[{SOURCE_ONLY}] meant",
        f"# evalcheck: ignore[seeds, {rulebook.find(SOURCE_ONLY).family}]",
        "# evalcheck: ignore meant",
        f"# noqa: E501, {SOURCE_ONLY}",
    ],
)
def test_a_finding_is_suppressed_on_its_line(comment: str) -> None:
    """By its rule, its family, or without a name; on another line it is not."""
    text = f"a\nb  {comment}\nc\n"
    assert sifted(text, finding(SOURCE_ONLY, 2))[0] == []
    assert sifted(text, finding(SOURCE_ONLY, 1), finding(SOURCE_ONLY, 3))[0] == [SOURCE_ONLY] * 2


def test_other_rules_are_kept() -> None:
    """Only what is named is suppressed; a bare noqa is not ours."""
    text = f"a  # evalcheck: ignore[{SEVERAL}]\nb  # noqa\n"
    assert sifted(text, finding(SOURCE_ONLY, 1), finding(SOURCE_ONLY, 2))[0] == [SOURCE_ONLY] * 2


def test_a_statement_of_several_lines() -> None:
    """Any line of what was found, and the statement's first; no other line of it."""
    lines = ["x = f(", "    1,", "    g(", "        2,", "    ),", "    3,", ")"]
    hit = []
    for number, line in enumerate(lines, 1):
        text = "\n".join([*lines[: number - 1], f"{line}  # evalcheck: ignore", *lines[number:], ""])
        if sifted(text, finding(SOURCE_ONLY, 3, 5))[0] == []:
            hit.append(number)
    assert hit == [1, 3, 4, 5]


def test_a_body_does_not_speak_for_its_header() -> None:
    """What is found in a whole function is suppressed at its head."""
    head, body = (
        "def f(  # evalcheck: ignore\n  a,\n):\n  x\n",
        "def f(\n  a,\n):\n  x  # evalcheck: ignore\n",
    )
    assert sifted(head, finding(SOURCE_ONLY, 1, 4))[0] == []
    assert sifted(body, finding(SOURCE_ONLY, 1, 4))[0] == [SOURCE_ONLY]


def test_a_whole_file() -> None:
    """On a line of its own, anywhere; behind code it counts for nothing."""
    named = f"# evalcheck: ignore-file[{SOURCE_ONLY}] a demonstration"
    for text in (f"{named}\na\nb\n", f"a\nb\n    {named}\n"):
        assert sifted(text, finding(SOURCE_ONLY, 1), finding(SEVERAL, 2)) == ([SEVERAL], [])
    assert sifted(f"a  {named}\n", finding(SOURCE_ONLY, 1))[0] == [SOURCE_ONLY]
    assert sifted("# evalcheck: ignore-file\na\n", finding(SOURCE_ONLY, 2), finding(SEVERAL, 2)) == ([], [])


def test_a_finding_in_another_file_or_none_is_kept() -> None:
    """This file's comments are not for it."""
    elsewhere = finding(SOURCE_ONLY, 1, path="other.py")
    nowhere = Finding(SOURCE_ONLY, "mode", "error", (Sighting("graph", Place(module="a"), "so"),))
    text = "# evalcheck: ignore-file\n"
    assert sifted(text, elsewhere, nowhere)[0] == [SOURCE_ONLY] * 2


def test_idle_comments_are_noted() -> None:
    """Each name for itself, where it stands."""
    text = f"a  # evalcheck: ignore[{SOURCE_ONLY}, {SECOND}]\nb\n  # evalcheck: ignore[{SECOND}]\n"
    text += "c  # evalcheck: ignore\n# evalcheck: ignore-file\n"
    assert sifted(text, finding(SOURCE_ONLY, 1))[1][:1] == [
        f"1: There is no {SECOND} here: the comment suppresses nothing."
    ]
    idle = sifted(text)[1]
    assert len(idle) == 4
    assert f"no {SOURCE_ONLY} or {SECOND} here" in idle[0]
    assert "line of its own" in idle[1]
    assert "finds nothing here" in idle[2]
    assert "finds nothing in this file" in idle[3]


def test_only_what_is_sure_is_called_idle() -> None:
    """Not what was not asked, and not what another layer may yet find."""
    text = f"a  # evalcheck: ignore[{SOURCE_ONLY}]\nb  # evalcheck: ignore[{SEVERAL}, no-such-rule]\n"
    assert len(sifted(text)[1]) == 1
    assert sifted(text, settings=Settings(ignore=frozenset([SOURCE_ONLY])))[1] == []
    assert sifted(text, settings=Settings(ignore=frozenset(["unused-suppression"])))[1] == []
    assert sifted("a  # evalcheck: ignore\n", settings=Settings(ignore=frozenset([SEVERAL])))[1] == []
    lines = Lines(text, "net.py")
    assert sift([], text, lines, Settings(), layers=())[1] == []


def test_a_note_on_an_idle_comment_can_be_suppressed_by_name() -> None:
    """A comment without names does not hide that it is idle."""
    here = "# evalcheck: ignore[unused-suppression] kept for the next release"
    assert sifted(f"a  # evalcheck: ignore[{SOURCE_ONLY}]  {here}\n")[1] == []
    assert sifted(f"{here.replace('ignore', 'ignore-file')}\na  # evalcheck: ignore\n")[1] == []


def test_the_severity_of_the_note_can_be_set() -> None:
    """As of every rule."""
    text = "a  # evalcheck: ignore\n"
    settings = Settings(severity={"unused-suppression": "error"})
    assert [n.severity for n in sift([], text, Lines(text, "net.py"), settings)[1]] == ["error"]


class Cells(Lines):
    """Two cells: the second begins at line 3 of the text."""

    def number(self, span: Span) -> int:
        return span.line + (2 if span.cell == 2 else 0)

    def stretch(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        cell, start = (2, 2) if line > 2 else (1, 0)
        return Span(self.path, line - start, column, end_line - start, end_column, cell)


def test_cells_of_a_notebook() -> None:
    """A line is looked up in its cell, and a note says cell and line."""
    text = "a\nb\nc\nd  # evalcheck: ignore\n"
    lines = Cells(text, "net.py")
    assert sifted(text, finding(SOURCE_ONLY, 2, cell=2), lines=lines)[0] == []
    assert sifted(text, finding(SOURCE_ONLY, 2, cell=1), lines=lines)[0] == [SOURCE_ONLY]
    [note] = sift([], text, lines, Settings())[1]
    assert note.place.span is not None
    assert (note.place.span.cell, note.place.span.line) == (2, 2)


def test_findings_of_several_files() -> None:
    """Each file is looked at once, and one that is not to be had suppresses nothing."""
    texts = {"net.py": "a  # evalcheck: ignore\nb\n", "other.py": "# evalcheck: ignore-file\n"}
    asked: list[str] = []

    def look(path: str) -> tuple[str, Lines] | None:
        asked.append(path)
        return (texts[path], Lines(texts[path], path)) if path in texts else None

    paths = ("net.py", "other.py", "gone.py")
    all_of_them = [finding(SOURCE_ONLY, line, path=path) for path in paths for line in (1, 2)]
    assert drop(all_of_them, look) == [all_of_them[1], *all_of_them[4:]]
    assert asked == list(paths)
    both = Finding(SOURCE_ONLY, "mode", "error", (*all_of_them[1].sightings, *all_of_them[2].sightings))
    nowhere = Finding(SOURCE_ONLY, "mode", "error", (Sighting("graph", Place(module="a"), "so"),))
    assert drop([both, nowhere], look) == [nowhere]
