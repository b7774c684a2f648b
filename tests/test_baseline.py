"""What was there before is not reported again, and the file that says so is fit for diffs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalcheck import baseline
from evalcheck.complaint import Complaint
from evalcheck.finding import Finding, Place, Report, Sighting, Span


def finding(path: str, line: int, text: str, rule: str = "missing-eval", cell: int | None = None) -> Finding:
    span = Span(path, line, 1, line, 9, cell, text=text)
    return Finding(rule, "mode", "warning", (Sighting("source", Place(span), "so"),))


def module(name: str | None, rule: str = "shared-batchnorm") -> Finding:
    return Finding(rule, "norm", "error", (Sighting("probe", Place(module=name), "so"),))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("net.py", "pkg/net.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


FILE = Path("known.json")


def test_what_is_recorded_is_not_reported(here: Path) -> None:
    """Whatever line it has moved to; another rule, file or text is reported."""
    old = [finding("net.py", 3, "model(x)"), finding("pkg/net.py", 1, "a"), module("net.bn")]
    assert baseline.write(FILE, [Report("net.py:Net", tuple(old))]) == 3
    moved = [finding("net.py", 30, "model(x)"), finding("pkg/net.py", 9, "a", cell=3), module("net.bn")]
    new = [
        finding("net.py", 3, "model(y)"),
        finding("pkg/net.py", 3, "model(x)"),
        finding("net.py", 3, "model(x)", rule="unseeded-rng"),
        module("net.bn2"),
        module(None),
    ]
    known = baseline.load(FILE)
    assert known.without(Report("net.py:Net", (*moved, *new))).findings == tuple(new)
    assert baseline.load(FILE).without(Report("net.py:Other", (module("net.bn"),))).findings


def test_two_equal_lines_are_two_findings(here: Path) -> None:
    """Each entry stands for one."""
    twice = (finding("net.py", 3, "model(x)"), finding("net.py", 8, "model(x)"))
    baseline.write(FILE, [Report("net.py", twice)])
    third = finding("net.py", 11, "model(x)")
    known = baseline.load(FILE)
    assert known.without(Report("net.py", (*twice, third))).findings == (third,)
    assert known.without(Report("net.py", twice)).findings == twice  # they are used up


def test_the_working_directory_does_not_matter(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths lead from the baseline's folder, however the file was named."""
    baseline.write(
        Path("pkg/known.json"), [Report("pkg/net.py:Net", (finding("pkg/net.py", 3, "a"), module("b")))]
    )
    entries = json.loads((here / "pkg" / "known.json").read_text())["findings"]
    assert [entry["path"] for entry in entries] == ["net.py", "net.py:Net"]
    monkeypatch.chdir(here / "pkg")
    for path in ("net.py", str(here / "pkg" / "net.py"), "../pkg/net.py"):
        report = Report(f"{path}:Net", (finding(path, 5, "a"), module("b")))
        assert baseline.load(Path("known.json")).without(report).findings == ()


def test_the_file_has_a_line_for_each_finding(here: Path) -> None:
    """Sorted, with a count only where it says something, the same for the same findings."""
    some = [finding("pkg/net.py", 1, "a"), finding("net.py", 2, "é"), finding("net.py", 9, "é"), module("m")]
    baseline.write(FILE, [Report("t", tuple(some))])
    text = FILE.read_text("utf8")
    baseline.write(FILE, [Report("t", tuple(reversed(some)))])
    assert FILE.read_text("utf8") == text
    first, *entries, last = text.splitlines()
    assert (first, last) == ('{"schema": 1, "findings": [', "]}")
    assert [json.loads(entry.rstrip(",")).get("count") for entry in entries] == [2, None, None]
    assert entries[-1] == '  {"path": "t", "rule": "shared-batchnorm", "module": "m"}'
    assert sorted(p.name for p in here.iterdir()) == ["known.json", "net.py", "pkg"]
    assert baseline.write(FILE, [Report("t")]) == 0
    assert baseline.load(FILE).without(Report("t", tuple(some))).findings == tuple(some)


def test_what_is_gone_is_counted_only_where_it_was_looked_for(here: Path) -> None:
    """A hook names a few files: the others have not been read."""
    old = (
        finding("net.py", 1, "a"),
        finding("pkg/net.py", 2, "b"),
        finding("pkg/old.py", 2, "b"),
        module("m"),
    )
    baseline.write(FILE, [Report("net.py:Net", old)])
    known = baseline.load(FILE)
    known.without(Report("net.py", old[:1]))
    both = ("missing-eval", "shared-batchnorm")
    assert known.gone(["."], both) == 3
    assert known.gone(["net.py"], both) == 0
    assert known.gone(["pkg/net.py", "net.py"], both) == 1
    assert known.gone(["pkg"], both) == 2
    assert known.gone(["pkg"], ["unseeded-rng"]) == 0
    assert known.gone(["net.py:Net"], both) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "known.json does not exist; --write-baseline makes it"),
        ("{", "known.json is not a baseline of evalcheck: it is not JSON"),
        ("\udcff", "known.json is not a baseline of evalcheck: it is not JSON"),
        ("[]", "known.json is not a baseline of evalcheck; --write-baseline makes one"),
        ('{"schema": 2}', "known.json is a baseline of another version of evalcheck"),
        ('{"schema": 1, "findings": [{"path": "a", "rule": "b"}]}', "is not a baseline"),
        ('{"schema": 1, "findings": [{"path": 1, "rule": "b", "line": "c"}]}', "is not a baseline"),
        (
            '{"schema": 1, "findings": [{"path": "a", "rule": "b", "line": "c", "count": "2"}]}',
            "is not a baseline",
        ),
    ],
)
def test_a_bad_file_is_refused_in_one_line(here: Path, text: str | None, said: str) -> None:
    """With what to do about it."""
    if text is not None:
        FILE.write_bytes(text.encode("utf8", "surrogateescape"))
    with pytest.raises(Complaint) as caught:
        baseline.load(FILE)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_written_is_left_as_it_was(here: Path) -> None:
    """And said."""
    (here / "known.json").mkdir()
    with pytest.raises(Complaint, match=r"known\.json cannot be written"):
        baseline.write(FILE, [Report("t")])
    assert sorted(p.name for p in here.iterdir()) == ["known.json", "net.py", "pkg"]


def test_any_file_name_can_be_recorded(here: Path) -> None:
    """One that is no UTF-8, and one of two lines."""
    found = [finding("bad\udcff.py", 1, "a"), finding("two\nlines.py", 1, "a")]
    assert baseline.write(FILE, [Report(".", tuple(found))]) == 2
    assert FILE.read_bytes().decode()
    assert baseline.load(FILE).without(Report(".", tuple(found))).findings == ()
