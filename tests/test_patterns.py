"""Patterns of paths mean what git means by them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalcheck.patterns import Patterns

PIECE = st.sampled_from(
    ["a", "b", "ab", "c.py", "*", "*.py", "a*", "?b", "[ab]", "[!a]", "[^b]", "**", "\\*"]
)
PATTERN = st.builds(
    lambda sign, start, pieces, end: sign + start + "/".join(pieces) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/", "**/"]),
    st.lists(PIECE, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/**", "  "]),
)
PATHS = [
    "/".join(parts)
    for depth in (1, 2, 3)
    for parts in zip(*(["a", "b", "ab", "c.py", "a", "d.py", "b"][n:] for n in range(depth)), strict=False)
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patterns=st.lists(PATTERN, min_size=1, max_size=5))
def test_a_path_is_taken_where_git_ignores_it(repository: Path, patterns: list[str]) -> None:
    """Anchors, stars, folders, and what brings back."""
    (repository / ".gitignore").write_text("\n".join(patterns) + "\n")
    command = ["git", "-C", str(repository), "check-ignore", "--no-index", "--stdin"]
    done = subprocess.run(command, input="\n".join(PATHS), capture_output=True, text=True, check=False)
    ours = Patterns(patterns)
    assert [path for path in PATHS if ours.hold(path)] == done.stdout.splitlines()


@pytest.mark.parametrize(
    ("pattern", "taken", "left"),
    [
        ("tests", ["tests/a.py", "x/tests/a.py", "tests"], ["tests.py", "mytests/a.py"]),
        ("tests/**", ["tests/a.py", "tests/x/a.py"], ["x/tests/a.py"]),
        ("/setup.py", ["setup.py"], ["x/setup.py"]),
        ("examples/skeleton.py", ["examples/skeleton.py"], ["x/examples/skeleton.py"]),
        ("old_*.py", ["old_net.py", "x/old_net.py"], ["told_net.py"]),
        ("docs/*.py", ["docs/a.py"], ["docs/x/a.py"]),
        ("**/gen/*_pb2.py", ["gen/a_pb2.py", "x/gen/a_pb2.py"], ["a_pb2.py"]),
        ("legacy/", ["legacy/a.py"], ["legacy"]),
        ("# tests", [], ["# tests"]),
        ("\\#tests", ["#tests"], []),
        ("", [], ["a"]),
    ],
)
def test_what_a_pattern_means(pattern: str, taken: list[str], left: list[str]) -> None:
    """By examples, where there is no git."""
    patterns = Patterns([f"{pattern}\n"])
    assert [path for path in taken if not patterns.hold(path)] == []
    assert [path for path in left if patterns.hold(path)] == []


def test_pathspec_is_loaded_only_where_it_is_needed() -> None:
    """It costs more to load than many files to read."""
    program = (
        "import sys; from evalcheck.patterns import Patterns\n"
        "Patterns(['tests', '*.py[cod]', 'build/', '!keep', '/a', 'docs/_build/'])\n"
        "assert 'pathspec' not in sys.modules\n"
        "Patterns(['docs/*.py'])\n"
        "assert 'pathspec' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
