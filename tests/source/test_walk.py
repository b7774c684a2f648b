"""Which files are read: what git ignores is not, what is named always is."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import run

import pytest

from evalcheck.complaint import Complaint
from evalcheck.source.walk import python_files


def made(folder: Path, *names: str, **texts: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    for name, text in texts.items():
        (folder / name).write_text(text)


def found(folder: Path, *names: str, exclude: tuple[str, ...] = (), root: Path | None = None) -> list[str]:
    tops = [folder / name for name in names] or [folder]
    return [os.path.relpath(file, folder) for file in python_files(tops, exclude, root)]


def test_files_and_notebooks_are_found_sorted(tmp_path: Path) -> None:
    """As plain strings; stubs and other files are not."""
    made(tmp_path, "b.py", "a/n.ipynb", "a/x.py", "c.pyi", "d.txt", "a.py", ".hidden.py")
    assert found(tmp_path) == [".hidden.py", "a.py", "a/n.ipynb", "a/x.py", "b.py"]
    assert all(type(file) is str for file in python_files([tmp_path]))


def test_a_file_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often and in whatever spelling it is named."""
    made(tmp_path, "pkg/a.py")
    monkeypatch.chdir(tmp_path)
    assert python_files([".", "./pkg", "pkg/", "pkg/a.py", "./pkg/a.py", Path("pkg")]) == ["pkg/a.py"]


def test_a_missing_path_is_the_users_mistake(tmp_path: Path) -> None:
    """The complaint names the path."""
    with pytest.raises(Complaint, match=r"nowhere\.py: there is no such file or folder"):
        python_files([tmp_path / "nowhere.py"])


@pytest.mark.parametrize("folder", [".git", "__pycache__", "node_modules", "build", "x.egg-info", ".venv"])
def test_folders_that_hold_no_source_are_passed_by(tmp_path: Path, folder: str) -> None:
    """Unless they are named."""
    made(tmp_path, f"{folder}/a.py", "b.py")
    assert found(tmp_path) == ["b.py"]
    assert found(tmp_path, folder) == [f"{folder}/a.py"]


def test_virtual_environments_are_passed_by(tmp_path: Path) -> None:
    """Whatever they are called."""
    made(tmp_path, "mine/pyvenv.cfg", "mine/lib/a.py", "b.py")
    assert found(tmp_path) == ["b.py"]


def test_what_git_ignores_is_passed_by(tmp_path: Path) -> None:
    """From the root down; a nested file speaks last; what is named is read all the same."""
    (tmp_path / ".git" / "info").mkdir(parents=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("private.py\n")
    made(tmp_path, "gen/a.py", "pkg/gen.py", "pkg/keep/gen.py", "pkg/b.py", "private.py", "pkg/out/c.py")
    made(tmp_path, **{".gitignore": "gen/\n/pkg/out\ngen.py\n", "pkg/keep/.gitignore": "!gen.py\n"})
    assert found(tmp_path) == ["pkg/b.py", "pkg/keep/gen.py"]
    assert found(tmp_path, "pkg") == ["pkg/b.py", "pkg/keep/gen.py"]
    assert found(tmp_path, "pkg/gen.py", "gen/a.py", "private.py") == ["gen/a.py", "pkg/gen.py", "private.py"]
    assert found(tmp_path, "gen", "pkg/out") == ["gen/a.py", "pkg/out/c.py"]


def test_patterns_above_the_repository_do_not_count(tmp_path: Path) -> None:
    """Nor is there need of a repository for those below the path."""
    made(tmp_path, "repo/.git/HEAD", "repo/pkg/a.py", "repo/pkg/b.py", **{".gitignore": "a.py\n"})
    assert found(tmp_path / "repo", "pkg") == ["pkg/a.py", "pkg/b.py"]
    assert found(tmp_path) == ["repo/pkg/b.py"]


def test_excluded_patterns_are_not_read(tmp_path: Path) -> None:
    """By name, by folder, by pattern; from the settings' folder or from the path that was named."""
    made(tmp_path, "keep.py", "old_net.py", "legacy/net.py", "a/legacy/net.py", "a/gen/x.py", "a/gen/y.py")
    assert found(tmp_path, exclude=("legacy/", "old_*.py", "a/gen/x.py")) == ["a/gen/y.py", "keep.py"]
    assert found(tmp_path, "a", exclude=("a/gen/*", "legacy"), root=tmp_path) == []
    assert found(tmp_path, "a", exclude=("gen/x.py",), root=tmp_path) == ["a/gen/y.py", "a/legacy/net.py"]
    assert found(tmp_path, "old_net.py", exclude=("old_*.py",)) == ["old_net.py"]
    assert found(tmp_path, "legacy", exclude=("legacy",), root=tmp_path) == ["legacy/net.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_loops_of_links_are_no_trouble(tmp_path: Path) -> None:
    """Links to folders are not followed, links to files are; one that leads nowhere is no file."""
    made(tmp_path, "pkg/a.py")
    (tmp_path / "pkg" / "loop").symlink_to(tmp_path)
    (tmp_path / "pkg" / "b.py").symlink_to(tmp_path / "pkg" / "a.py")
    (tmp_path / "pkg" / "c.py").symlink_to(tmp_path / "gone.py")
    (tmp_path / "pkg" / "d.py").symlink_to(tmp_path / "pkg")
    (tmp_path / "entry").symlink_to(tmp_path / "pkg")
    assert found(tmp_path) == ["pkg/a.py", "pkg/b.py"]
    assert found(tmp_path, "entry") == ["entry/a.py", "entry/b.py"]


def test_it_loads_next_to_nothing(tmp_path: Path) -> None:
    """Nor pathspec, where no .gitignore needs it."""
    made(tmp_path, "a.py", **{".gitignore": "*.py[cod]\nbuild/\n"})
    program = (
        "import sys\nfrom evalcheck.source.walk import python_files\n"
        f"assert len(python_files([{str(tmp_path)!r}], ['tests'])) == 1\n"
        "assert not {'pathspec', 'pathlib', 'click', 'rich', 'tomllib'} & set(sys.modules)\n"
    )
    done = run(
        [sys.executable, "-S", "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
