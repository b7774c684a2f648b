"""Writing and showing: the file is replaced whole, keeps what it was, and the patch is one for git."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from evalcheck.rewriting import Rewritten, Unwritable, difference, write


def change(path: Path | str, before: bytes = b"a\n", after: bytes = b"b\n") -> Rewritten:
    return Rewritten(str(path), before, after, 1, 0, ())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_bytes(b"a\n")
    return path


def test_a_file_is_replaced_and_keeps_its_permissions(file: Path) -> None:
    """And nothing else is left in the folder."""
    file.chmod(0o754)
    assert write(change(file))
    assert file.read_bytes() == b"b\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o754
    assert os.listdir(file.parent) == ["net.py"]


def test_a_link_stays_a_link(file: Path) -> None:
    """Its target is written."""
    link = file.parent / "link.py"
    link.symlink_to("net.py")
    assert write(change(link))
    assert link.is_symlink()
    assert file.read_bytes() == b"b\n"


def test_what_did_not_change_is_not_touched(file: Path) -> None:
    """Not even its time."""
    before = file.stat()
    assert not write(change(file, after=b"a\n"))
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert file.stat().st_ino == before.st_ino


@pytest.mark.parametrize("why", ["write-protected", "changed meanwhile", "cannot be written"])
def test_what_keeps_a_file_from_being_written_is_said_in_a_line(file: Path, why: str) -> None:
    """The file stays as it is."""
    if why == "write-protected":
        file.chmod(0o444)
    elif why == "changed meanwhile":
        file.write_bytes(b"c\n")
    else:
        file.unlink()
    with pytest.raises(Unwritable, match=why) as caught:
        write(change(file))
    assert "\n" not in str(caught.value)
    assert not file.exists() or file.read_bytes() in (b"a\n", b"c\n")


@pytest.mark.parametrize("name", ["net.py", "my net.py", "ä/n\"e't.py", "x\\y.py"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\nb\n", b"a\nc\n"),
        (b"a\nb", b"a\nc"),
        (b"a\r\nb\r\n", b"a\r\nc\r\n"),
        (b"a\rb\r", b"a\rc\r"),
        (b"# coding: latin-1\n# \xe9\nb\n", b"# coding: latin-1\n# \xe9\nc\n"),
        (b"\xef\xbb\xbfa\x0c\nb\n", b"\xef\xbb\xbfa\x0c\nc\n"),
        (b"--- a/net.py\nb\n", b"--- a/net.py\nc\n"),
    ],
)
def test_git_applies_the_patch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, before: bytes, after: bytes
) -> None:
    """Byte for byte."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(before)
    patch = difference(change(name, before, after))
    command = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn"]
    done = subprocess.run(command, input=patch, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, (done.stderr, patch)
    assert file.read_bytes() == after


def test_nothing_is_shown_of_a_file_that_did_not_change() -> None:
    """Not even its name."""
    assert difference(change("net.py", b"a", b"a")) == b""
