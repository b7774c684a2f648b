"""Which files are examined, by whom, and that it makes no difference to what is said."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalcheck.checkup import reading
from evalcheck.cli import quick
from evalcheck.linting import sweep
from evalcheck.linting.cache import Cache
from evalcheck.settings import Settings

FAULT = "import torch\n\nmodel = torch.nn.Linear(1, 1)\nmodel.eval\n"


def tree_of(folder: Path, count: int) -> Path:
    for number in range(count):
        package = folder / f"p{number % 7}"
        package.mkdir(exist_ok=True)
        (package / f"m{number}.py").write_text(FAULT if number % 10 == 0 else "import torch\n")
    return folder


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_processes_say_together_what_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same findings in the same order, and all of them are known afterwards."""
    tree_of(tmp_path, 60)
    monkeypatch.setattr(sweep, "BLOCK", 4)
    alone = reading.lint([tmp_path], Settings())
    shared = reading.lint([tmp_path], Settings(), jobs=3, cache=Cache(str(tmp_path), "k"))
    assert len(alone.findings) == 6
    assert shared.findings == alone.findings
    files = [str(path) for path in tmp_path.rglob("*.py")]
    assert len(Cache(str(tmp_path), "k").known(files)) == 60


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_the_share_of_a_process_that_dies_is_read_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost, whatever kills it."""
    tree_of(tmp_path, 40)
    monkeypatch.setattr(sweep, "BLOCK", 4)
    here, read = os.getpid(), sweep.Sweep.read

    def dies_elsewhere(self: sweep.Sweep, path: str, data: bytes) -> sweep.Payload | None:
        if os.getpid() != here:
            os._exit(9)
        return read(self, path, data)

    monkeypatch.setattr(sweep.Sweep, "read", dies_elsewhere)
    assert len(reading.lint([tmp_path], Settings(), jobs=2).findings) == 4


def test_the_garbage_collector_is_left_as_it_was(tmp_path: Path) -> None:
    """On or off."""
    tree_of(tmp_path, 2)
    assert gc.isenabled()
    reading.lint([tmp_path], Settings())
    assert gc.isenabled()
    gc.disable()
    try:
        reading.lint([tmp_path], Settings())
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("text", ["import torch\n", FAULT])
def test_the_short_way_says_what_the_long_way_says(tmp_path: Path, text: str) -> None:
    """To the letter, and with the same status."""
    (tmp_path / "net.py").write_text(text)
    evalcheck = [sys.executable, "-m", "evalcheck", "lint"]
    said = {"cwd": tmp_path, "capture_output": True, "text": True}
    short = subprocess.run([*evalcheck, "net.py"], **said)  # type: ignore[call-overload]
    long = subprocess.run([*evalcheck, "--fail-on", "warning", "net.py"], **said)  # type: ignore[call-overload]
    assert (short.stdout, short.returncode) == (long.stdout, long.returncode)
    assert short.returncode == (text == FAULT)


@pytest.mark.parametrize(
    "heavy", ["click", "rich", "tomllib", "dataclasses", "typing", "pathlib", "ast", "torch", "pathspec"]
)
def test_the_short_way_loads_nothing_that_it_does_not_need(tmp_path: Path, heavy: str) -> None:
    """A hook runs at every commit: what is known from before is answered at once."""
    (tmp_path / "net.py").write_text("import torch\n")
    command = (
        "import sys\nbefore = set(sys.modules)\nimport evalcheck.cli\nfrom evalcheck.cli import quick\n"
        "assert quick.lint(['net.py']) == 0\n"
        f"assert {heavy!r} not in set(sys.modules) - before, sorted(set(sys.modules) - before)\n"
    )
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = {"cwd": tmp_path, "capture_output": True, "text": True, "env": usual}
    subprocess.run([sys.executable, "-m", "evalcheck", "lint", "net.py"], **run, check=True)  # type: ignore[call-overload]
    done = subprocess.run([sys.executable, "-c", command], **run)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [[], ["nowhere.py"], ["--select", "mode", "."], ["--help"]])
def test_what_is_not_plain_takes_the_long_way(arguments: list[str]) -> None:
    """Options, mistakes and help are click's."""
    assert quick.lint(arguments) is None
