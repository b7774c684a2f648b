"""Text in, files out: what is read, what is not, and what is said about that."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalcheck.complaint import Complaint
from evalcheck.source import SourceFile, read_project


def test_files_come_sorted_and_only_those_a_rule_concerns(tmp_path: Path) -> None:
    """A file in which no library of ours is mentioned is not parsed."""
    (tmp_path / "b.py").write_text("import torch\n")
    (tmp_path / "a.py").write_text("import torch.nn\n")
    (tmp_path / "c.py").write_text("def broken(:\n")
    project = read_project([tmp_path])
    assert [Path(file.path).name for file in project.files] == ["a.py", "b.py"]
    assert project.unread == ()


@pytest.mark.parametrize("folder", [".git", "__pycache__", "node_modules", "build", "x.egg-info"])
def test_folders_that_hold_no_source_are_passed_by(tmp_path: Path, folder: str) -> None:
    """Caches, build output and hidden folders are nobody's code."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.py").write_text("import torch\n")
    assert read_project([tmp_path]).files == ()


def test_virtual_environments_are_passed_by(tmp_path: Path) -> None:
    """Whatever the folder is called, pyvenv.cfg tells it."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pyvenv.cfg").write_text("")
    (tmp_path / "mine" / "a.py").write_text("import torch\n")
    assert read_project([tmp_path]).files == ()


def test_excluded_patterns_are_not_read(tmp_path: Path) -> None:
    """By name, by folder or by pattern, below the path that was named."""
    for name in ("keep.py", "old_net.py", "legacy/net.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("import torch\n")
    project = read_project([tmp_path], exclude=["legacy/", "old_*.py"])
    assert [Path(file.path).name for file in project.files] == ["keep.py"]


def test_a_missing_path_is_the_users_mistake(tmp_path: Path) -> None:
    """The complaint names the path."""
    with pytest.raises(Complaint, match=r"nowhere\.py: there is no such file"):
        read_project([tmp_path / "nowhere.py"])


def test_paths_are_shown_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below it relative, elsewhere as they were given."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "net.py").write_text("import torch\n")
    monkeypatch.chdir(tmp_path)
    assert read_project([Path("pkg")]).files[0].path == "pkg/net.py"
    monkeypatch.chdir(tmp_path / "pkg")
    assert read_project([tmp_path]).files[0].path == "net.py"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"import torch\nx = (\n", "not valid Python"),
        (b"import torch\nprint 'hello'\n", ":2: not valid Python"),
        (b"# -*- coding: klingon -*-\nimport torch\n", "the declared encoding is not known"),
        (b"import torch\nname = '\xff\xfe'\n", "net.py:2: not valid utf"),
        (b"import torch\nx = " + b"(" * 5000 + b")" * 5000, "net.py"),
        (b"import torch\nx = 1\0\n", "not valid Python"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    """No exception: a line that names the file, and the rest of the project is read."""
    (tmp_path / "net.py").write_bytes(data)
    (tmp_path / "ok.py").write_text("import torch\n")
    project = read_project([tmp_path])
    assert len(project.files) == 1
    assert len(project.unread) == 1
    assert said in project.unread[0]
    assert "\n" not in project.unread[0]


def test_declared_encodings_and_byte_order_marks_are_honoured(tmp_path: Path) -> None:
    """What Python reads is read."""
    (tmp_path / "a.py").write_bytes("# coding: latin-1\nimport torch\nname = 'é'\n".encode("latin-1"))
    (tmp_path / "b.py").write_bytes(b"\xef\xbb\xbfimport torch\n")
    project = read_project([tmp_path])
    assert project.unread == ()
    assert "é" in project.files[0].text
    assert project.files[1].text.startswith("import")


def test_long_chains_are_read() -> None:
    """Generated code is deep: nothing that is asked of it runs out of stack."""
    from evalcheck import checks

    elifs = "".join(f"    elif x == {n}:\n        y = {n}\n" for n in range(60))
    text = f"import torch\nfrom torch import nn\nmodel.train()\nx = {' + '.join(['val'] * 800)}\n"
    text += f"def evaluate(model, x):\n    if x:\n        model.train()\n{elifs}    return model(x)\n"
    text += f"y = a{'.b()' * 400}\n"
    file = SourceFile.from_text(text, "deep.py")
    for rule in ("missing-eval", "functional-dropout-ungated", "unregistered-submodule", "eval-not-called"):
        assert list(checks.find("source", rule)(file, {})) == []
