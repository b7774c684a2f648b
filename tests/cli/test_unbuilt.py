"""A file that was only read is not taken for one that passed."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalcheck.cli import unbuilt
from tests.cli.calling import run

NET = "from torch import nn\nclass Net(nn.Module):\n    def __init__(self{}):\n        super().__init__()\n"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (f"{NET.format('')}def build_model(width=3, *, depth=2):\n    return Net()\n", "build_model"),
        (f"{NET.format(', width')}def make_net():\n    return Net(3)\n", "make_net"),
        (f"{NET.format('')}def train_model(data):\n    pass\n", "Net"),
    ],
)
def test_what_builds_the_model_is_named(tmp_path: Path, source: str, name: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(source)
    (note,) = unbuilt.note(path)
    assert note.startswith(f"{path} was only read; `evalcheck {path}:{name}`")


@pytest.mark.parametrize("source", [NET.format(", width"), "def load(): pass", "def broken(:", "\0"])
def test_nothing_is_said_where_nothing_builds_one(tmp_path: Path, source: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(source)
    assert unbuilt.note(path) == ()
    assert unbuilt.note(tmp_path) == unbuilt.note(tmp_path / "no.py") == ()


def test_check_says_it_and_lint_does_not(folder: Path) -> None:
    """Who lints wants the file read."""
    assert "net.py was only read; `evalcheck net.py:build_model`" in run("net.py").output
    assert "only read" not in run("lint", "net.py").output
