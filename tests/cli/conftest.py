"""A folder of the user's, and an examination that only keeps what it was called with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from evalcheck import checkup, reporters
from tests.cli.calling import NET, Stub


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to stand in, with ``net.py``; what is imported from it is forgotten afterwards."""
    (tmp_path / "net.py").write_text(dedent(NET))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    """The examination and the reporters replaced."""
    stub = Stub()
    monkeypatch.setattr(checkup, "check", stub.check, raising=False)
    monkeypatch.setattr(checkup, "lint", stub.lint, raising=False)
    monkeypatch.setattr(reporters, "render", stub.render, raising=False)
    return stub
