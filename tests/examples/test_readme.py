"""The README shows what the program prints, and its commands are the ones that CI runs."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.figures import differences
from tests.examples.picture import text_of

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text("utf8")
spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
refresh = importlib.util.module_from_spec(spec)
spec.loader.exec_module(refresh)


@pytest.fixture(scope="module")
def pictured():
    """What the README's first question is answered with."""
    return refresh.printed(refresh.PICTURED)


@pytest.mark.parametrize(
    ("kind", "target", "text"),
    refresh.passages(README),
    ids=[f"{kind} {target}" for kind, target, _ in refresh.passages(README)],
)
def test_the_readme_shows_what_is_printed(kind, target, text):
    """`python docs/refresh.py` brings it up to date."""
    assert differences(text, refresh.shown(kind, target)) == []


def wanted(output):
    """All that the picture should show: its title, the command, the output."""
    return f"evalcheck\n$ evalcheck {refresh.PICTURED}\n{output}"


def test_the_picture_shows_what_is_printed(pictured):
    """All of its text and nothing else; `python docs/refresh.py` brings it up to date."""
    shown = text_of(refresh.PICTURE.read_text("utf8"))
    assert differences(shown, wanted(pictured)) == []


def test_no_word_of_the_picture_can_be_changed(pictured):
    """Each piece of text in turn, in a picture that is right: the comparison must see it."""
    svg = refresh.picture(pictured, f"evalcheck {refresh.PICTURED}")
    right = wanted(pictured)
    assert differences(text_of(svg), right) == []
    words = list(re.finditer(r"(?<![&\w])[^\W\d]{2,}(?=[^<>]*</text>)", svg))
    assert len(words) > 100
    for word in words:
        for other in ("zebra", ""):
            changed = svg[: word.start()] + other + svg[word.end() :]
            assert differences(text_of(changed), right) != [], word[0]


def test_the_example_is_answered(pictured):
    """The numbers of the question: eval falls by more than twenty points, and one cure gives them back."""
    text = " ".join(pictured.split())
    fell, should = re.search(r"accuracy is ([\d.]+)% in eval mode and ([\d.]+)% in train mode", text).groups()
    assert 70 <= float(fell) <= 78
    assert float(should) > 96
    cured = re.search(r"\(a norm per branch\) brings the accuracy from [\d.]+% to ([\d.]+)%", text)
    assert float(cured.group(1)) > 96
    tried = text.split("Tried on this model")[1]
    status, failed = re.search(
        r"(\w+) recomputing the running statistics \(one pass, dropout off\) .*?accuracy [\d.]+ → ([\d.]+)%",
        tried,
    ).groups()
    assert status != "cures"
    assert float(failed) < 85
    for module in ("blocks.0.norm", "blocks.1.norm", "blocks.2.norm"):
        assert module in text


def test_the_mended_example_is_clean():
    """Exit status 0, and nothing above a note."""
    command = [
        sys.executable,
        "-m",
        "evalcheck",
        "examples/skeleton_mended.py:build_model",
        "--fail-on",
        "warning",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"^(error|warning) ", done.stdout, re.M)


def test_quick_start_holds_two_commands():
    """One that answers the question, one that runs the tests."""
    block = README.split("## Quick start")[1].split("##")[0]
    commands = [line.strip() for line in block.split("\n") if line.startswith("    ")]
    assert len(commands) == 2
    assert commands[0].endswith("evalcheck examples/skeleton.py:build_model")
    assert commands[1].endswith("python -m pytest")
    assert all(command.startswith("python -m pip install -c constraints.txt") for command in commands)


@pytest.mark.parametrize("name", ["skeleton", "skeleton_mended"])
def test_the_kept_weights_are_those_that_training_gives(name, tmp_path):
    """The cache file saves ten seconds, not a different model: trained anew, the figures are the same."""
    program = (
        "import sys, torch; from pathlib import Path\n"
        f"import {name} as example\n"
        f"example.WEIGHTS = Path({str(tmp_path / 'none.pt')!r})\n"
        "model = example.build_model().eval()\n"
        "right = [(model(x).argmax(1) == y).float().mean().item() for x, y in example.eval_loader()]\n"
        "print(sum(right) / len(right))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "examples", capture_output=True, text=True
    )
    accuracy = float(done.stdout.strip().split("\n")[-1])
    assert (0.55 < accuracy < 0.92) if name == "skeleton" else accuracy > 0.96, done.stderr
