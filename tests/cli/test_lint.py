"""``evalcheck lint``: fixes, patches, an editor's text, processes and what is known from before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalcheck.linting.cache import FOLDER
from evalcheck.reporters import FORMATS

FAULT = """import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3, momentum=0.99)

    def forward(self, x):
        return self.norm(F.dropout(x, 0.5))  # as ever
"""
SAFE = FAULT.replace("(x, 0.5)", "(x, 0.5, training=self.training)")
BOTH = SAFE.replace("0.99", "0.01")


def lint(*words: str, folder: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evalcheck", "lint", *words],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(FAULT)
    return path


def test_a_patch_changes_nothing_and_can_be_applied(net: Path) -> None:
    """Exit status 1 as long as there is something to change, 0 after it."""
    done = lint("--diff", "net.py", folder=net.parent)
    assert done.returncode == 1
    assert net.read_text() == FAULT
    assert "would fix 1 fault in 1 file" in done.stderr
    subprocess.run(["git", "apply", "-"], cwd=net.parent, input=done.stdout, text=True, check=True)
    assert net.read_text() == SAFE
    again = lint("--diff", "net.py", folder=net.parent)
    assert (again.returncode, again.stdout) == (0, "")


def test_safe_fixes_are_made_and_the_rest_is_reported(net: Path) -> None:
    """The unsafe one is left, and said to be there."""
    done = lint("--fix", "--format", "concise", "net.py", folder=net.parent)
    assert net.read_text() == SAFE
    assert done.returncode == 1
    assert done.stdout.startswith("net.py:8:")
    assert "1 more has an unsafe fix" in done.stderr


def test_unsafe_fixes_are_made_on_demand(net: Path) -> None:
    """Nothing is left."""
    done = lint("--fix", "--unsafe-fixes", "net.py", folder=net.parent)
    assert net.read_text() == BOTH
    assert done.returncode == 0


def test_what_is_meant_is_not_fixed(net: Path) -> None:
    """A finding that a comment silences keeps its line."""
    said = FAULT.replace("# as ever", "# evalcheck: ignore[functional-dropout-ungated] wanted")
    net.write_text(said)
    lint("--fix", "net.py", folder=net.parent)
    assert net.read_text() == said


def test_an_editors_text_is_read_from_stdin(net: Path) -> None:
    """What lies on the disk under the name does not count, nor is it touched."""
    done = lint("--stdin-filename", "net.py", "--format", "concise", folder=net.parent, stdin=SAFE)
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == ["net.py:8:48:"]
    fixed = lint("--stdin-filename", "net.py", "--fix", folder=net.parent, stdin=FAULT)
    assert (fixed.stdout, fixed.returncode) == (SAFE, 1)
    patch = lint("--stdin-filename", "net.py", "--diff", folder=net.parent, stdin=FAULT)
    assert "+        return self.norm(F.dropout(x, 0.5, training=self.training))  # as ever" in patch.stdout
    assert net.read_text() == FAULT


def test_an_editors_text_that_is_no_python_comes_back(tmp_path: Path) -> None:
    """An editor replaces its text by what it gets: it must not lose it."""
    broken = FAULT + "def (\n"
    done = lint("--stdin-filename", "net.py", "--fix", folder=tmp_path, stdin=broken)
    assert (done.stdout, done.returncode) == (broken, 2)
    assert "net.py:12: not valid Python" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--unsafe-fixes", "net.py"], "--unsafe-fixes needs --fix or --diff"),
        (["--stdin-filename", "a.py", "net.py"], "no PATH can be given"),
        ([], "Missing argument"),
        (["nowhere.py"], "nowhere.py does not exist"),
    ],
)
def test_what_cannot_be_meant_is_said(net: Path, words: list[str], said: str) -> None:
    """In one line, with status 2."""
    done = lint(*words, folder=net.parent)
    assert done.returncode == 2
    assert said in done.stderr


def test_nothing_is_kept_on_demand(net: Path) -> None:
    """--no-cache leaves no folder behind, with and without other options."""
    lint("--no-cache", "net.py", folder=net.parent)
    lint("--no-cache", "--select", "noise", "net.py", folder=net.parent)
    assert not (net.parent / FOLDER).exists()
    lint("net.py", folder=net.parent)
    assert (net.parent / FOLDER).is_dir()


def test_settings_decide_where_the_cache_lies(net: Path) -> None:
    """Beside them, from whichever folder the run starts; new settings, new answers."""
    (net.parent / "pyproject.toml").write_text("[tool.evalcheck]\nselect = ['norm']\n")
    below = net.parent / "below"
    below.mkdir()
    first = lint("--format", "concise", "../net.py", folder=below)
    assert first.stdout.count("\n") == 1
    assert [path.name for path in net.parent.iterdir() if path.name == FOLDER]
    assert not (below / FOLDER).exists()
    (net.parent / "pyproject.toml").write_text("[tool.evalcheck]\nselect = ['noise']\n")
    second = lint("--format", "concise", "../net.py", folder=below)
    assert "functional-dropout-ungated" in second.stdout


def test_a_file_that_may_not_be_written_costs_one_line(net: Path) -> None:
    """The others are fixed all the same."""
    other = net.parent / "other.py"
    other.write_text(FAULT)
    os.chmod(net, 0o444)
    done = lint("--fix", ".", folder=net.parent)
    assert net.read_text() == FAULT
    assert other.read_text() == SAFE
    assert "net.py" in done.stderr
    assert done.returncode == 2


def test_named_files_are_excluded_on_demand(net: Path) -> None:
    """As pre-commit needs it, which names every file."""
    (net.parent / "pyproject.toml").write_text("[tool.evalcheck]\nexclude = ['vendored/']\n")
    (net.parent / "vendored").mkdir()
    (net.parent / "vendored" / "a.py").write_text(FAULT)
    named = ["vendored/a.py", "net.py"]
    assert lint("--format", "concise", *named, folder=net.parent).stdout.count("\n") == 4
    assert lint("--format", "concise", "--force-exclude", *named, folder=net.parent).stdout.count("\n") == 2


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    """A pattern that matches nothing must not look like a clean tree."""
    done = lint(".", folder=tmp_path)
    assert done.returncode == 0
    assert "there is no Python file" in done.stdout


def test_one_file_is_answered_as_the_whole_tree_is(tmp_path: Path) -> None:
    """A script beside the package that it imports: a hook is given the script alone."""
    (tmp_path / "pyproject.toml").write_text("")
    package = tmp_path / "src" / "crop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .nets import Net\nfrom .engine import evaluate\n")
    (package / "nets.py").write_text(SAFE)
    (package / "engine.py").write_text(
        "import torch\n\n@torch.no_grad()\ndef evaluate(model, val_loader):\n"
        "    return [model(x) for x in val_loader]\n"
    )
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "run.py").write_text(
        "import torch\nfrom crop import Net, evaluate\n\nmodel = Net()\n"
        "model.load_state_dict(torch.load('x.pt'))\nprint(evaluate(model, val_loader))\n"
    )
    for words, folder in ((["."], tmp_path), (["scripts/run.py"], tmp_path), (["run.py"], scripts)):
        said = lint("--format", "concise", "--select", "missing-eval", *words, folder=folder).stdout
        assert "run.py:6:7: warning missing-eval" in said


def test_a_dash_is_stdin_and_a_pipe_is_no_file(net: Path) -> None:
    """As with other tools for editors."""
    done = lint("-", "--format", "concise", folder=net.parent, stdin=SAFE)
    assert done.stdout.startswith("-:8:48: warning")
    os.mkfifo(net.parent / "pipe.py")
    refused = lint("pipe.py", folder=net.parent)
    assert (refused.returncode, "neither a file nor a folder" in refused.stderr) == (2, True)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("format", FORMATS)
def test_a_file_name_that_is_no_text_is_written(tmp_path: Path, format: str) -> None:
    """To stdout, to a file and into a baseline."""
    (tmp_path / os.fsdecode(b"bad\xff\n.py")).write_text(FAULT)
    for words in (["--output", "out"], [], ["--baseline", "known.json", "--write-baseline"]):
        done = lint(".", "--format", format, *words, folder=tmp_path)
        assert "internal error" not in done.stderr
        assert done.returncode == (0 if "--baseline" in words else 1)
    assert "bad" in (tmp_path / "out").read_text("utf8")
    done = lint(".", "--baseline", "known.json", "--format", format, folder=tmp_path)
    assert done.returncode == 0
