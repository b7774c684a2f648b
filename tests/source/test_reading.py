"""Text in, files out: what is read, what is not, and what is said about that."""

from __future__ import annotations

from pathlib import Path

import pytest

import evalcheck
from evalcheck.source import Project, SourceFile

# A fault on its fourth line, so that a rule is concerned.
CONCERNING = b"""
model = torch.nn.Linear(1, 1)

model.eval
"""


def test_a_file_that_no_rule_concerns_is_not_parsed(tmp_path: Path) -> None:
    """Its bytes say so: that it is broken is another tool's business."""
    (tmp_path / "a.py").write_text("import torch\ndef broken(:\n")
    (tmp_path / "b.py").write_text("def broken(:\nload_state_dict(x, strict=False)\n")
    assert evalcheck.lint(tmp_path).unread == ()


def test_paths_are_shown_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below it relative, elsewhere as they were given."""
    (tmp_path / "pkg").mkdir()
    net = tmp_path / "pkg" / "net.py"
    net.write_text("import torch\n")
    monkeypatch.chdir(tmp_path)
    assert Project().take("pkg/net.py", net.read_bytes()).path == "pkg/net.py"
    monkeypatch.chdir(tmp_path / "pkg")
    assert Project().take(str(net), net.read_bytes()).path == "net.py"


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
    (tmp_path / "net.py").write_bytes(data + CONCERNING)
    (tmp_path / "ok.py").write_bytes(b"import torch\n" + CONCERNING)
    report = evalcheck.lint(tmp_path)
    assert [finding.place.span.line for finding in report.findings if finding.place.span] == [5]
    assert len(report.unread) == 1
    assert said in report.unread[0]
    assert "\n" not in report.unread[0]


def test_declared_encodings_and_byte_order_marks_are_honoured(tmp_path: Path) -> None:
    """What Python reads is read."""
    (tmp_path / "a.py").write_bytes("# coding: latin-1\nimport torch\nname = 'é'\n".encode("latin-1"))
    (tmp_path / "b.py").write_bytes(b"\xef\xbb\xbfimport torch\n")
    project = Project()
    files = [project.take(str(path), path.read_bytes()) for path in sorted(tmp_path.iterdir())]
    assert "é" in files[0].text
    assert files[1].text.startswith("import")


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
