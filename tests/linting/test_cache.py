"""What is known from before is believed only as long as nothing that counted has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evalcheck.checkup import reading
from evalcheck.finding import Report
from evalcheck.linting.cache import FOLDER, Cache
from evalcheck.settings import Settings

RULE = "functional-dropout-ungated"
GOOD = """import torch
from torch.nn import Module


class Net(Module):
    def forward(self, x):
        return torch.nn.functional.dropout(x, 0.5, training=self.training)
"""
BAD = GOOD.replace(", training=self.training", "")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(BAD)
    (tmp_path / "plain.py").write_text("import torch\n")
    return tmp_path


def run(tree: Path, key: str = "k") -> Report:
    return reading.lint([tree], Settings(), cache=Cache(str(tree), key))


def lines(report: Report) -> list[int]:
    return [f.place.span.line for f in report.at_least("warning") if f.place.span and f.rule == RULE]


def test_a_second_run_says_the_same_and_reads_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a byte of a file that has its former time and size."""
    first = run(tree)
    assert lines(first) == [7]
    monkeypatch.setattr("evalcheck.source.reading.load", lambda *_: pytest.fail("a file was read"))
    second = run(tree)
    assert (second.findings, second.gaps, second.unread) == (first.findings, first.gaps, first.unread)


def test_a_changed_file_is_read_again(tree: Path) -> None:
    """Also if its size is the same: the time tells."""
    run(tree)
    (tree / "net.py").write_text(GOOD)
    assert lines(run(tree)) == []
    same_size = BAD.replace("import torch\n", "import torch\n", 1).replace("0.5)", "0.0)")
    (tree / "net.py").write_text(BAD)
    assert lines(run(tree)) == [7]
    (tree / "net.py").write_text(same_size)
    os.utime(tree / "net.py", ns=(1, 1))
    assert lines(run(tree)) == []


def test_a_touched_file_is_known_by_its_content(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout sets new times; nothing is parsed for that."""
    run(tree)
    os.utime(tree / "net.py", ns=(5, 5))
    monkeypatch.setattr("evalcheck.source.file.SourceFile.from_text", lambda *_: pytest.fail("parsed"))
    assert lines(run(tree)) == [7]


def test_what_was_consulted_counts(tmp_path: Path) -> None:
    """A class of another file decides; when that file changes, the answer is worked out again."""
    (tmp_path / "base.py").write_text("from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n")
    net = BAD.replace("from torch.nn import Module", "from base import Base").replace("(Module)", "(Base)")
    (tmp_path / "net.py").write_text(net)
    assert [f.severity for f in run(tmp_path).findings] == ["error"]
    (tmp_path / "base.py").write_text("class Base:\n    pass\n")
    assert [f.severity for f in run(tmp_path).findings] == ["warning"]  # no module that its mode could tell


def test_another_key_knows_nothing(tree: Path) -> None:
    """Other settings, other answers."""
    run(tree)
    assert Cache(str(tree), "k").known([str(tree / "net.py")])
    assert Cache(str(tree), "other").known([str(tree / "net.py")]) == {}


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xe9\x01\x00\x00\x00", b"N", b"i\x05\x00\x00\x00"])
def test_a_broken_cache_is_no_cache(tree: Path, content: bytes) -> None:
    """It is written anew, and nobody is told."""
    run(tree)
    for file in (tree / FOLDER).iterdir():
        if file.name.startswith("k"):
            file.write_bytes(content)
    assert lines(run(tree)) == [7]


def test_a_folder_that_cannot_be_written_is_done_without(tree: Path) -> None:
    """A file stands where the folder should be."""
    (tree / FOLDER).write_text("")
    assert lines(run(tree)) == [7]


def test_git_and_backups_pass_the_folder_by(tree: Path) -> None:
    """As every tool's cache should."""
    run(tree)
    assert (tree / FOLDER / ".gitignore").read_text() == "*\n"
    assert (tree / FOLDER / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172")
