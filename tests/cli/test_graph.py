"""``evalcheck graph``: its options, where it writes, and how it ends."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.calling import refused, run, write
from tests.drawing import graphviz
from tests.reporters.keeping import kept

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).resolve().parent.parent.parent

NET = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.3))
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            print("a user prints")
            return self.head(self.layers(x))

    class Broken(Net):
        def forward(self, x):
            return self.head(x) + self.layers(x)

    class Deaf(Net):
        def forward(self, x):
            if x.sum() > 0:
                x = x + 1
            return self.head(self.layers(x))

    def batches():
        return [(torch.ones(6, 3), torch.zeros(6))]
"""


@pytest.fixture
def net(folder: Path) -> Path:
    """A folder with models."""
    write(folder, "model.py", NET)
    return folder


@pytest.mark.usefixtures("net")
@pytest.mark.parametrize("mode", ["diff", "train", "eval"])
def test_the_tree_stands_on_stdout(mode: str) -> None:
    """In 80 columns; what the user's forward prints does not stand in it."""
    result = run("graph", "model.py:Net", "--input", "6x3", "--mode", mode, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.stderr
    assert result.stdout == kept(f"graph-{mode}", result.stdout, GOLDEN)
    assert "a user prints" in result.stderr


@pytest.mark.usefixtures("net")
def test_the_batch_of_a_loader_is_drawn() -> None:
    """With its own shapes."""
    result = run("graph", "model.py:Net", "--loader", "batches")
    assert "6x3 → 6x2" in result.stdout
    assert "The input is the first batch of batches" in result.stdout


@pytest.mark.usefixtures("net")
def test_an_input_that_was_given_is_not_called_made_up() -> None:
    """One that was, is; and no drawing asks for a loader."""
    given = run("graph", "model.py:Net", "--input", "6x3").stdout
    assert "The input is" in given
    assert "--input 6x3 float32" in given
    assert "made up" not in given
    guessed = run("graph", "model.py:Net").stdout
    assert "The input was made up" in guessed
    assert not any("pass --loader" in said for said in (given, guessed))


def test_a_picture_goes_into_a_file(net: Path) -> None:
    """Well-formed, and stdout stays empty."""
    result = run("graph", "model.py:Net", "--input", "6x3", "--format", "svg", "--output", "net.svg")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "the drawing is in net.svg" in result.stderr
    assert ElementTree.parse(net / "net.svg").getroot().tag.endswith("svg")


@pytest.mark.usefixtures("net")
def test_dot_stands_alone_on_stdout() -> None:
    """For a pipe into Graphviz."""
    result = run("graph", "model.py:Net", "--input", "6x3", "--format", "dot", "--depth", "9")
    nodes, edges, _ = graphviz.read(result.stdout)
    assert (len(nodes), len(edges)) == (6, 5)


@pytest.mark.usefixtures("net")
def test_a_model_that_fails_is_drawn_as_far_as_it_came() -> None:
    """The gap is on stderr, and the status is 0: something was drawn."""
    result = run("graph", "model.py:Broken", "--input", "6x3")
    assert result.exit_code == 0
    assert "✗ " in result.stdout
    assert "both modes: RuntimeError" in result.stderr
    assert "in head" in result.stderr


@pytest.mark.usefixtures("net")
@pytest.mark.parametrize(
    "target", ["model.py", "model.py:Missing", "model.py:batches", "nowhere.py:Net", "model.py:Net:x"]
)
def test_a_wrong_target_is_a_complaint(target: str) -> None:
    """Status 2, one line."""
    assert refused("graph", target).startswith("evalcheck: ")


@pytest.mark.usefixtures("net")
def test_the_colours_are_as_told() -> None:
    """None where stdout is no terminal, unless asked."""
    plain, colored = (
        run("graph", "model.py:Net", "--input", "6x3", "--color", c) for c in ("auto", "always")
    )
    assert "\x1b" not in plain.stdout
    assert "\x1b[" in colored.stdout


@pytest.mark.usefixtures("net")
def test_two_runs_say_the_same() -> None:
    """Names, order and keys do not depend on memory."""
    one, other = (run("graph", "model.py:Net", "--input", "6x3", "--format", "svg").stdout for _ in range(2))
    assert one == other


def test_the_picture_of_the_documentation_is_what_the_command_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """EVALCHECK_GOLDEN=1 draws it anew."""
    monkeypatch.chdir(ROOT)
    result = run("graph", "examples/skeleton.py:build_model", "--format", "svg")
    shown = ROOT / "docs" / "graph.svg"
    if os.environ.get("EVALCHECK_GOLDEN"):
        shown.write_text(result.stdout, "utf8")
    assert result.stdout == shown.read_text("utf8")
