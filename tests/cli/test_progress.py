"""The progress bar: for people at a terminal, and for nobody else."""

from __future__ import annotations

import sys

import pytest

from evalcheck.cli import progress


def test_there_is_no_bar_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stderr is no terminal, or quiet was asked for."""
    with progress.bar(quiet=False) as advance:
        assert advance is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.bar(quiet=True) as advance:
        assert advance is None


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, and gone afterwards."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.bar(quiet=False) as advance:
        assert advance is not None
        advance("tracing", 1, 8)
    out, err = capsys.readouterr()
    assert out == ""
    assert "tracing" in err
