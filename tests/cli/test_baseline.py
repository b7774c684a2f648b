"""--baseline and --write-baseline: what is said where, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalcheck import reporters
from evalcheck.finding import Finding, Place, Report, Sighting, Span
from tests.cli.calling import Stub, finding, refused, run, write
from tests.cli.test_command import REAL, several

FILE = ["--baseline", "known.json"]


def found(line: int, text: str) -> Finding:
    span = Span("net.py", line, 1, line, 9, text=text)
    return Finding("missing-eval", "mode", "warning", (Sighting("source", Place(span), "so"),))


def test_findings_are_recorded_and_then_not_reported(folder: Path, stub: Stub) -> None:
    """Written once; the next run is clean until something new comes."""
    stub.report = Report("t", (found(3, "a"), found(4, "b")))
    result = run("lint", "net.py", *FILE, "--write-baseline")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "evalcheck: 2 findings are in known.json\n"
    result = run("lint", "net.py", *FILE)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "t: 0 in terminal\n", "")
    stub.report = Report("t", (found(9, "a"), found(4, "b"), found(5, "c")))
    assert (run("lint", "net.py", *FILE).exit_code, run("net.py", *FILE).exit_code) == (1, 1)


def test_what_is_gone_is_said_on_stderr(folder: Path, stub: Stub) -> None:
    """If it was asked about; the status does not change."""
    stub.report = Report("t", (found(3, "a"), found(4, "b")))
    run("lint", "net.py", *FILE, "--write-baseline")
    stub.report = Report("t", (found(3, "a"),))
    result = run("lint", "net.py", *FILE)
    assert result.exit_code == 0
    assert result.stderr == "evalcheck: 1 finding of the baseline is gone; --write-baseline drops it\n"
    stub.report = Report("t")
    assert (
        "2 findings of the baseline are gone; --write-baseline drops them" in run("lint", ".", *FILE).stderr
    )
    write(folder, "other.py", "")
    for words in (["other.py"], ["net.py", "--ignore", "missing-eval"], ["net.py", "--select", "seeds"]):
        assert run("lint", *words, *FILE).stderr == ""


def test_several_targets_share_one_baseline(
    folder: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each target's modules are its own."""
    one, two = Report("net.py:Net", (finding(),)), Report("net.py:model", (finding(), finding("error")))
    several(monkeypatch, one, two)
    assert run("net.py:Net", "net.py:model", *FILE, "--write-baseline").exit_code == 0
    several(monkeypatch, one, two)
    assert run("net.py:Net", "net.py:model", *FILE).exit_code == 0
    several(monkeypatch, two)
    assert run("net.py:Net", *FILE).exit_code == 0
    several(monkeypatch, replace(two, target="net.py:build_model"))
    assert run("net.py:build_model", *FILE).exit_code == 1


def test_bad_words_are_refused(folder: Path, stub: Stub) -> None:
    """In one line, with status 2."""
    assert "--write-baseline needs --baseline FILE." in refused("lint", ".", "--write-baseline")
    assert refused("lint", ".", *FILE) == "evalcheck: known.json does not exist; --write-baseline makes it\n"
    assert "in a folder that does not exist" in refused("lint", ".", "--baseline", "gone/known.json")
    write(folder, "known.json", "[")
    line = "evalcheck: known.json is not a baseline of evalcheck: it is not JSON\n"
    assert refused("lint", ".", *FILE) == line


def test_a_fault_of_ours_is_no_success(folder: Path, stub: Stub) -> None:
    """What could not be read is still said."""
    stub.report = Report("t", unread=("a.py: no",))
    result = run("lint", ".", *FILE, "--write-baseline")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (0, "evalcheck: a.py: no")
    stub.report = Report("t", faults=("x",))
    assert run("lint", ".", *FILE, "--write-baseline").exit_code == 3


def test_several_targets_are_one_log_of_code_scanning(
    folder: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a run for each; workflow commands follow each other without a gap."""
    monkeypatch.setattr(reporters, "render", REAL)
    reports = Report("one"), Report("two", (finding(), finding()))
    several(monkeypatch, *reports)
    log = json.loads(run("net.py:Net", "net.py:model", "--format", "sarif").stdout)
    assert [one["properties"]["target"] for one in log["runs"]] == ["one", "two"]
    several(monkeypatch, *reports)
    shown = run("net.py:Net", "net.py:model", "--format", "github").stdout
    assert [line[:9] for line in shown.split("\n")] == ["::warning", "::warning", ""]
