"""The command as a whole: which words mean what, what is written where, how it ends."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evalcheck import checkup, reporters, rulebook
from evalcheck.finding import Report
from tests.cli.calling import Stub, finding, refused, run, write

REAL = reporters.render


def test_a_bare_target_is_checked(folder: Path, stub: Stub) -> None:
    """With and without the name of the command; options may stand before it."""
    for words in (["net.py:Net"], ["check", "net.py:Net"], ["--seed", "5", "net.py:Net"]):
        stub.calls.clear()
        assert run(*words).exit_code == 0
        assert stub.calls[0]["target"] == "net.py:Net"
        assert stub.calls[0]["files"] == (Path("net.py"),)


def test_options_reach_the_examination(folder: Path, stub: Stub) -> None:
    """Each under its own name."""
    words = [
        "--device",
        "cuda:1",
        "--seed",
        "7",
        "--batches",
        "3",
        "--passes",
        "5",
        "--budget",
        "2.5",
        "--exact",
        "--input",
        "2x3",
        "--input",
        "4:int64<9",
    ]
    assert run("net.py:Net", *words).exit_code == 0
    call = stub.calls[0]
    assert (call["device"], call["seed"], call["batches"], call["passes"]) == ("cuda:1", 7, 3, 5)
    assert (call["budget"], call["exact"]) == (2.5, True)
    assert [tuple(made.shape) for made in call["inputs"]] == [(2, 3), (4,)]


@pytest.mark.parametrize("seconds", ["0", "-3", "nan", "inf", "soon"])
def test_a_budget_that_is_no_time_is_refused(folder: Path, stub: Stub, seconds: str) -> None:
    """One line that names it, before anything is run."""
    assert "--budget" in refused("net.py:Net", "--budget", seconds)
    assert not stub.calls


def test_the_seed_makes_the_same_weights(folder: Path, stub: Stub) -> None:
    """A factory draws them anew on each run."""
    weights = []
    for seed in ("1", "1", "2"):
        sys.modules.pop("net", None)
        assert run("net.py:build_model", "--seed", seed).exit_code == 0
        weights.append(stub.calls[-2]["model"].layer.weight)
    assert weights[0].equal(weights[1])
    assert not weights[0].equal(weights[2])


def test_a_path_is_only_read(folder: Path, stub: Stub) -> None:
    """By itself, and beside a target, which has a report of its own."""
    assert run(".").exit_code == 0
    assert stub.calls[0]["paths"] == [Path(".")]
    stub.report = Report("one", (finding(),))
    result = run("net.py", "net.py:Net", "--format", "concise")
    assert (result.exit_code, result.stdout) == (1, "one: 1 in concise\n\none: 1 in concise\n")


def test_lint_reads_files_under_their_own_settings(folder: Path, stub: Stub) -> None:
    """Two projects, each with its pyproject.toml, and one report."""
    name = next(iter(rulebook.load()))
    write(folder, "a/pyproject.toml", f"[tool.evalcheck]\nignore = ['{name}']\n")
    write(folder, "a/x.py", "")
    assert run("lint", "a/x.py", "net.py", "a").exit_code == 0
    reads = [(call["paths"], call["settings"].ignore) for call in stub.calls if "paths" in call]
    assert reads == [([Path("a/x.py"), Path("a")], frozenset({name})), ([Path("net.py")], frozenset())]


def test_rules_are_chosen_by_repeated_and_joined_words(folder: Path, stub: Stub) -> None:
    """Names of rules and of families."""
    one, two, *_ = rulebook.load()
    assert run("lint", ".", "--select", f"{one},{two}", "--ignore", two, "--ignore", "data").exit_code == 0
    chosen = stub.calls[0]["settings"]
    assert chosen.select == {one, two}
    assert two in chosen.ignore
    assert "nondeterministic-eval-data" in chosen.ignore


@pytest.mark.parametrize(
    ("report", "fail_on", "status"),
    [
        (Report("t"), "warning", 0),
        (Report("t", (finding("warning"),)), "warning", 1),
        (Report("t", (finding("warning"),)), "error", 0),
        (Report("t", (finding("note"),)), "warning", 0),
        (Report("t", (finding("note"),)), "note", 1),
        (Report("t", (finding("error"),)), "never", 0),
        (Report("t", unread=("a.py: no",)), "warning", 2),
        (Report("t", (finding(),), unread=("a.py: no",)), "warning", 1),
        (Report("t", (finding(),), faults=("a check broke",)), "warning", 3),
    ],
)
def test_the_status_says_what_came_out(
    folder: Path, stub: Stub, report: Report, fail_on: str, status: int
) -> None:
    """0 nothing, 1 findings, 2 unread, 3 a fault of ours."""
    stub.report = report
    assert run("lint", ".", "--fail-on", fail_on).exit_code == status


def several(monkeypatch: pytest.MonkeyPatch, *reports: Report, render: bool = False) -> None:
    """The examinations give these reports in turn; the reporters may be the real ones."""
    waiting = list(reports)
    monkeypatch.setattr(checkup, "check", lambda *_, **__: waiting.pop(0))
    if render:
        monkeypatch.setattr(reporters, "render", REAL)


def test_targets_are_reported_each_for_itself(
    folder: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One measurement beside the other's findings would be false."""
    one, two = Report("one"), Report("two", (finding(), finding("note")))
    for format in ("terminal", "concise"):
        several(monkeypatch, one, two)
        result = run("net.py:Net", "net.py:model", "--format", format)
        assert (result.exit_code, result.stdout) == (1, f"one: 0 in {format}\n\ntwo: 2 in {format}\n")
    several(monkeypatch, one, two, render=True)
    shown = run("net.py:Net", "net.py:model").stdout
    assert shown.startswith("one\n\nNothing was found.\n\ntwo\n\n1 warning and 1 note found.\n")


def test_json_is_one_document_or_an_array_of_them(
    folder: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One target has one, as ever; several have an array, which --help says."""
    one, two = Report("one"), Report("two – \x85", (finding(),))
    several(monkeypatch, one, render=True)
    assert json.loads(run("net.py:Net", "--format", "json").stdout)["target"] == "one"
    several(monkeypatch, one, two, render=True)
    documents = json.loads(run("net.py:Net", "net.py:model", "--format", "json").stdout)
    assert [(d["schema"], d["target"], len(d["findings"])) for d in documents] == [
        (1, "one", 0),
        (1, two.target, 1),
    ]
    assert "several are an array of documents" in " ".join(run("check", "--help").output.split())


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        (["clean", "clean"], 0),
        (["clean", "found"], 1),
        (["found", "unread"], 2),
        (["unread", "found"], 2),
        (["fault", "unread", "found"], 3),
    ],
)
def test_the_status_is_the_worst_of_all_targets(
    folder: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch, kinds: list[str], status: int
) -> None:
    """Whatever their order."""
    clean = Report("t")
    known = {
        "clean": clean,
        "found": replace(clean, findings=(finding(),)),
        "unread": replace(clean, unread=("a.py: no",)),
        "fault": replace(clean, faults=("a check broke",)),
    }
    several(monkeypatch, *(known[kind] for kind in kinds))
    result = run(*["net.py:Net"] * len(kinds))
    assert result.exit_code == status
    assert result.stderr.count("a.py: no") == kinds.count("unread")


def test_a_refused_target_leaves_nothing_half_written(folder: Path, stub: Stub) -> None:
    """Neither on stdout nor in a file, though another target was examined before it."""
    line = "evalcheck: gone.py does not exist\n"
    assert refused("net.py:Net", "gone.py:Net", "--output", "out.txt") == line
    assert refused("net.py:Net", "gone.py:Net") == line
    assert [call["target"] for call in stub.calls] == ["net.py:Net"] * 2
    assert not (folder / "out.txt").exists()


def test_help_says_how_a_metric_is_judged() -> None:
    """Which way is better is only known where the function says so."""
    said = " ".join(run("check", "--help").output.split())
    assert "A function (outputs, targets) -> number" in said
    assert "shown in both modes; judged by if it has an attribute higher_is_better (True or False)" in said


def test_unread_files_and_faults_are_lines_on_stderr(folder: Path, stub: Stub) -> None:
    """Stdout keeps the report alone."""
    stub.report = Report(
        "t", unread=("a.py: line 3: invalid syntax",), faults=("x (probe), f:3: KeyError: 1",)
    )
    result = run("lint", ".")
    assert result.stdout == "t: 0 in terminal\n"
    assert result.stderr == (
        "evalcheck: a.py: line 3: invalid syntax\n"
        "evalcheck: internal error in x (probe), f:3: KeyError: 1; please report it\n"
    )


def test_the_report_may_go_to_a_file(folder: Path, stub: Stub) -> None:
    """Without colours; stdout stays empty."""
    result = run("lint", ".", "--output", "out.txt", "--color", "always")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "evalcheck: the report is in out.txt\n"
    assert (folder / "out.txt").read_text() == "t: 0 in terminal\n".replace("t:", "stub:")
    assert stub.calls[-1]["color"] is False
    assert run("lint", ".", "--output", "gone/out.txt").exit_code == 2


def test_colours_are_for_terminals_or_on_demand(folder: Path, stub: Stub) -> None:
    """A pipe gets none unless told."""
    for words, colored in (([], False), (["--color", "always"], True), (["--color", "never"], False)):
        assert run("lint", ".", *words).exit_code == 0
        assert stub.calls[-1]["color"] is colored


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where stdout is a terminal; the option is stronger."""
    from evalcheck.cli.ending import wants_color

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_color("auto")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_color("auto")
    assert wants_color("always")


def test_what_forward_prints_stays_out_of_stdout(folder: Path, stub: Stub) -> None:
    """Machine formats stand alone."""
    stub.during = lambda: print("a print in forward")
    result = run("net.py:Net", "--format", "json")
    assert result.stdout == "stub: 0 in json\n"
    assert result.stderr == "a print in forward\n"


def test_an_unexpected_error_is_a_fault_of_ours(
    folder: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line; the traceback only on demand."""

    def fail() -> None:
        raise KeyError("x")

    stub.during = fail
    monkeypatch.delenv("EVALCHECK_DEBUG", raising=False)
    result = run("lint", ".")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == (
        "evalcheck: internal error: KeyError: 'x'; please report it (-v shows the traceback)\n"
    )
    assert "Traceback (most recent call last)" in run("lint", ".", "-v").stderr
    monkeypatch.setenv("EVALCHECK_DEBUG", "1")
    assert "Traceback (most recent call last)" in run("lint", ".").stderr


def test_an_interrupt_is_quiet(folder: Path, stub: Stub) -> None:
    """Status 130, and not a word."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    stub.during = interrupt
    result = run("net.py:Net")
    assert (result.exit_code, result.output) == (130, "")


LISTS = "`evalcheck rules` lists them"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["lint", "gone"], "gone does not exist"),
        (
            ["lint", ".", "--select", "datta"],
            f"there is no rule or family 'datta' (did you mean 'data'?); {LISTS}",
        ),
        (
            ["lint", ".", "--config", "gone.toml"],
            "gone.toml: cannot be read (No such file or directory)",
        ),
        (
            ["net.py:Net", "--input", "8,3"],
            "--input '8,3' is not understood: write it like 8x3x32x32 or 8x128:int64<1000",
        ),
        (
            ["explain", "random-transform"],
            f"there is no rule 'random-transform' (did you mean 'random-transform-in-eval'?); {LISTS}",
        ),
    ],
)
def test_bad_words_are_refused_in_one_line(folder: Path, stub: Stub, words: list[str], line: str) -> None:
    """Status 2, with the nearest name."""
    assert refused(*words) == f"evalcheck: {line}\n"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["lint"], "Missing argument 'PATH...'"),
        (["net.py:Net", "--devise", "cpu"], "No such option '--devise'"),
        (["net.py:Net", "--device", "tpu"], "'tpu' is not one of auto, cpu, cuda, cuda:N, mps."),
        (
            ["net.py:Net", "--format", "xml"],
            "'xml' is not one of terminal, markdown, concise, json, sarif, github.",
        ),
        (["net.py:Net", "--batches", "0"], "0 is not in the range"),
    ],
)
def test_wrong_usage_is_told_by_the_option(folder: Path, stub: Stub, words: list[str], part: str) -> None:
    """As click says it, with status 2."""
    assert part in refused(*words)


def test_a_mistake_in_the_settings_is_refused(folder: Path, stub: Stub) -> None:
    """The file and the key are named."""
    write(folder, "pyproject.toml", "[tool.evalcheck]\nselct = []\n")
    line = "[tool.evalcheck] has no option 'selct' (did you mean 'select'?); "
    known = "there are select, ignore, severity, options, exclude, per-file-ignores, frameworks\n"
    assert refused("net.py:Net").endswith(f"pyproject.toml: {line}{known}")


def test_help_and_version_are_there() -> None:
    """By their short names too."""
    assert "evalcheck TARGET" in run("-h").output
    assert "--train-loader" in run("check", "-h").output
    assert run("--version").output.startswith("evalcheck, version 0.")


def test_rules_and_explain_read_the_pages() -> None:
    """A line for each rule; a page as it is where it is piped."""
    listed = run("rules").output
    assert all(name in listed for name in rulebook.load())
    page = rulebook.find("nondeterministic-eval-data").shown
    assert run("explain", "nondeterministic-eval-data").output == page
